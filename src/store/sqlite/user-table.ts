/** The table of users: its layout, and its statements. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { RoomRefusedError } from "./room.ts";

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

/** What a user is made of. Times are microseconds since 1970; what is not there is empty. */
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
}

export class UserTable {
  /** Whether users may be written, and not only deleted. */
  mayGrow = true;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;
  readonly #list: StatementSync;

  constructor(database: DatabaseSync) {
    this.#select = database.prepare(
      "SELECT rid, created_at, updated_at, etag, properties, preferences, observed FROM user WHERE id = ?",
    );
    // A row is read into an array in less time than into an object.
    this.#select.setReturnArrays(true);
    this.#insert = database.prepare(
      "INSERT INTO user (id, created_at, updated_at, etag, properties, preferences, observed) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    this.#update = database.prepare(
      "UPDATE user SET updated_at = ?, etag = ?, properties = ?, preferences = ?, observed = ? WHERE rid = ?",
    );
    this.#delete = database.prepare("DELETE FROM user WHERE rid = ?");
    this.#list = database.prepare("SELECT id FROM user WHERE id > ? ORDER BY id LIMIT ?");
  }

  find(id: string): UserRow | undefined {
    const row: unknown = this.#select.get(id);
    return row === undefined ? undefined : readRow(row);
  }

  insert(id: string, { createdAt, updatedAt, etag, properties, preferences, observed }: UserFields): void {
    if (!this.mayGrow) throw new RoomRefusedError();
    this.#insert.run(id, createdAt, updatedAt, etag, properties, orNull(preferences), orNull(observed));
  }

  update({ rid, updatedAt, etag, properties, preferences, observed }: UserRow): void {
    if (!this.mayGrow) throw new RoomRefusedError();
    this.#update.run(updatedAt, etag, properties, orNull(preferences), orNull(observed), rid);
  }

  delete({ rid }: UserRow): void {
    this.#delete.run(rid);
  }

  /** Ids greater than `after`, in the order of their bytes. */
  list(after: string, count: number): string[] {
    return this.#list.all(after, count).map(({ id }) => String(id));
  }
}

function orNull(bytes: Uint8Array): Uint8Array | null {
  return bytes.length === 0 ? null : bytes;
}

/** @param row its columns, in the order of the statement */
function readRow(row: unknown): UserRow {
  const [rid, createdAt, updatedAt, etag, properties, preferences, observed]: unknown[] = Array.isArray(row) ? row : [];
  if (
    typeof rid !== "number" ||
    typeof createdAt !== "number" ||
    typeof updatedAt !== "number" ||
    typeof etag !== "string" ||
    !(properties instanceof Uint8Array)
  ) {
    throw new Error("a row of the table user has unexpected types");
  }
  return {
    rid,
    createdAt,
    updatedAt,
    etag,
    properties,
    preferences: preferences instanceof Uint8Array ? preferences : nothing,
    observed: observed instanceof Uint8Array ? observed : nothing,
  };
}

const nothing = new Uint8Array();
