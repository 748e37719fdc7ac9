/** The layout and the statements of the table of users. */
import { randomInt } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { DamagedPart } from "../../users/damaged.ts";
import { Invalid } from "../../users/parsed.ts";
import type { Seals } from "../../users/store-configuration.ts";
import { isCanonical } from "../../users/struct/scan.ts";
import { parseUserId } from "../../users/user-id.ts";
import { maxShortBytes } from "../packed/buffer.ts";
import { sealOf, stateOfSeal } from "../seal.ts";
import type { EntryTable } from "./entry-table.ts";
import { RoomRefusedError } from "./failures.ts";
import type { UserCount } from "./user-count.ts";

export const layout = `
  CREATE TABLE user (
    rid INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    etag TEXT NOT NULL,
    properties BLOB NOT NULL,
    preferences BLOB,
    observed BLOB
  ) STRICT;
`;

/** The fields of a user. Times are microseconds since 1970; missing fields are empty. */
export interface UserFields {
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly etag: string;
  /** A canonical Struct. */
  readonly properties: Uint8Array;
  /** A canonical Struct. */
  readonly preferences: Uint8Array;
  /** Marks: see observed.ts. */
  readonly observed: Uint8Array;
}

export interface UserRow extends UserFields {
  readonly rid: number;
  /** Undefined if the user has none, or nobody seals. */
  readonly seal: Uint8Array | undefined;
}

/** How users are sealed while a feature is on. */
export interface Sealing {
  readonly generation: number;
  readonly seals: Seals;
  /** Called for each broken seal that a write has found and mended. */
  readonly onBroken: () => void;
}

/** What writes keep in step with the users. */
export interface Upkeep {
  readonly count: UserCount;
  /** Undefined while no feature is on; then the table may have no column for seals. */
  readonly sealing: Sealing | undefined;
  /** Undefined while there is no index. */
  readonly entries: EntryTable | undefined;
  /** Called if a user may have left entries behind that cannot be told from the user. */
  readonly onStrayEntries: () => void;
}

/** A row that cannot be read. */
export interface DamagedRow {
  readonly damaged: DamagedPart;
  /** Undefined if that cannot be read. */
  readonly etag: string | undefined;
}

export class UserTable {
  /** Whether users may be written, or only deleted. */
  mayGrow = true;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #maxRid: StatementSync;
  readonly #rowAt: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;
  readonly #list: StatementSync;
  readonly #listBytes: StatementSync;
  readonly #upkeep: Upkeep;
  readonly #sealing: Sealing | undefined;
  readonly #seal: StatementSync | undefined;

  constructor(database: DatabaseSync, upkeep: Upkeep) {
    const { sealing } = upkeep;
    this.#upkeep = upkeep;
    this.#sealing = sealing;
    const [column, parameter, assignment] = sealing === undefined ? ["", "", ""] : [", f", ", ?", ", f = ?"];
    this.#seal = sealing && database.prepare("UPDATE user SET f = ? WHERE rid = ?");
    this.#select = database.prepare(
      `SELECT rid, created_at, updated_at, etag, properties, preferences, observed${column} FROM user WHERE id = ?`,
    );
    // Reading a row as an array is faster than as an object.
    this.#select.setReturnArrays(true);
    this.#insert = database.prepare(
      `INSERT INTO user (rid, id, created_at, updated_at, etag, properties, preferences, observed${column})
       VALUES (?, ?, ?, ?, ?, ?, ?, ?${parameter})`,
    );
    this.#maxRid = database.prepare("SELECT max(rid) AS rid FROM user WHERE rid BETWEEN 0 AND ?");
    this.#rowAt = database.prepare("SELECT 1 FROM user WHERE rid = ?");
    this.#update = database.prepare(
      `UPDATE user SET updated_at = ?, etag = ?, properties = ?, preferences = ?, observed = ?${assignment} WHERE rid = ?`,
    );
    this.#delete = database.prepare("DELETE FROM user WHERE id = ?");
    this.#list = database.prepare("SELECT id FROM user WHERE id > ? ORDER BY id LIMIT ?");
    this.#listBytes = database.prepare(
      "SELECT CAST(id AS BLOB) AS id FROM user WHERE id > CAST(? AS TEXT) ORDER BY id LIMIT ?",
    );
  }

  find(id: string): UserRow | DamagedRow | undefined {
    let row: unknown;
    try {
      row = this.#select.get(id);
    } catch (error) {
      // A time exceeds JavaScript's integers.
      if (error instanceof RangeError) return { damaged: "meta", etag: undefined };
      throw error;
    }
    return row === undefined ? undefined : readRow(row);
  }

  /** As `find`, for a write: if the user's seal is broken, it is mended, and so are the user's entries. */
  findToWrite(id: string): UserRow | DamagedRow | undefined {
    const row = this.find(id);
    if (this.#sealing === undefined || row === undefined || "damaged" in row) return row;
    const { generation, seals, onBroken } = this.#sealing;
    if (stateOfSeal(row.seal, row.etag, seals) === "broken") {
      onBroken();
      if (!this.mayGrow) return row;
      this.#seal?.run(sealOf(generation, row.etag), row.rid);
      const { entries, onStrayEntries } = this.#upkeep;
      if (entries === undefined) return row;
      if (isCanonical(row.properties)) entries.complete(id, row.properties);
      onStrayEntries();
    }
    return row;
  }

  insert(id: string, { createdAt, updatedAt, etag, properties, preferences, observed }: UserFields): void {
    if (!this.mayGrow) throw new RoomRefusedError();
    const fields = [id, createdAt, updatedAt, etag, properties, orNull(preferences), orNull(observed)];
    const others = [...fields, ...this.#sealFor(etag)];
    const { lastInsertRowid } = this.#insert.run(null, ...others);
    if (!Number.isSafeInteger(Number(lastInsertRowid))) {
      // SQLite continues after a row of another program, whose rid is out of range.
      this.#delete.run(id);
      this.#insert.run(this.#freeRid(), ...others);
    }
    this.#upkeep.count.changed(id, 1);
    this.#upkeep.entries?.change(id, nothing, properties);
  }

  #freeRid(): number {
    const greatest = this.#maxRid.get(Number.MAX_SAFE_INTEGER)?.["rid"];
    let rid = typeof greatest === "number" ? greatest + 1 : 1;
    while (!Number.isSafeInteger(rid) || this.#rowAt.get(rid) !== undefined) rid = randomInt(1, maxRandomInt);
    return rid;
  }

  /** @param before the user's properties so far */
  update(id: string, { rid, updatedAt, etag, properties, preferences, observed }: UserRow, before: Uint8Array): void {
    if (!this.mayGrow) throw new RoomRefusedError();
    const fields = [updatedAt, etag, properties, orNull(preferences), orNull(observed)];
    this.#update.run(...fields, ...this.#sealFor(etag), rid);
    this.#upkeep.entries?.change(id, before, properties);
  }

  /** The values of the column for seals, if statements have it. */
  #sealFor(etag: string): readonly Uint8Array[] {
    return this.#sealing === undefined ? [] : [sealOf(this.#sealing.generation, etag)];
  }

  /** Writes a user unchanged, which fails if a change would. One UPDATE is not enough: SQLite skips unchanged pages. */
  rewrite(id: string, row: UserRow): void {
    this.update(id, { ...row, etag: "" }, row.properties);
    this.update(id, row, row.properties);
  }

  delete(id: string, row: UserRow | DamagedRow): void {
    const { count, entries, onStrayEntries } = this.#upkeep;
    this.#delete.run(id);
    count.changed(id, -1);
    if (entries === undefined) return;
    if ("properties" in row && isCanonical(row.properties)) entries.remove(id, row.properties);
    else onStrayEntries();
  }

  isEmpty(): boolean {
    return this.#list.get("", 1) === undefined;
  }

  /** Ids greater than `after`, in the order of their bytes; fewer than `count` only at the end. */
  list(after: string, count: number): string[] {
    const ids = this.#list.all(after, count).map(({ id }) => String(id));
    return ids.every(isSurelyId) ? ids : this.#listIds(after, count);
  }

  /** Leaves out what is not an id. Text that is not UTF-8 is only visible as bytes. */
  #listIds(after: string, count: number): string[] {
    const ids: string[] = [];
    let last: Uint8Array = Buffer.from(after);
    while (ids.length < count) {
      const rows = this.#listBytes.all(last, count - ids.length);
      for (const { id } of rows) {
        if (!(id instanceof Uint8Array)) continue;
        last = id;
        const parsed = parseUserId(id);
        if (!(parsed instanceof Invalid)) ids.push(parsed);
      }
      if (rows.length === 0) break;
    }
    return ids;
  }
}

const replacement = "\ufffd";

function isSurelyId(id: string): boolean {
  return !id.includes(replacement) && !(parseUserId(Buffer.from(id)) instanceof Invalid);
}

function orNull(bytes: Uint8Array): Uint8Array | null {
  return bytes.length === 0 ? null : bytes;
}

/** @param row the columns in the order of the statement */
function readRow(row: unknown): UserRow | DamagedRow {
  const [rid, createdAt, updatedAt, text, properties, ...others]: unknown[] = Array.isArray(row) ? row : [];
  const etag = isEtag(text) ? text : undefined;
  if (typeof rid !== "number" || !isTime(createdAt) || !isTime(updatedAt) || etag === undefined) {
    return { damaged: "meta", etag };
  }
  if (!(properties instanceof Uint8Array)) return { damaged: "properties", etag };
  const [preferences, observed] = [others[0] ?? nothing, others[1] ?? nothing];
  const seal = others[2] instanceof Uint8Array ? others[2] : undefined;
  if (!(preferences instanceof Uint8Array)) return { damaged: "preferences", etag };
  if (!(observed instanceof Uint8Array)) return { damaged: "observed", etag };
  return { rid, createdAt, updatedAt, etag, properties, preferences, observed, seal };
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

/** Whether the packed form can carry it. */
function isEtag(value: unknown): value is string {
  return typeof value === "string" && value !== "" && Buffer.byteLength(value) <= maxShortBytes;
}

/** The limit of randomInt. */
const maxRandomInt = 2 ** 48 - 1;
const nothing = new Uint8Array();
