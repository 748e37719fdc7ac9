/** The SQLite database: its layout, and the verbs of the store over packed lists. Blocks the thread that calls it. */
import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { limits } from "../../users/limits.ts";
import { mergeStructs } from "../../users/struct-entries.ts";
import { isCanonicalProperties } from "../../users/struct-scan.ts";
import { flags, PackedReader, PackedWriter, status } from "../packed.ts";

/** How long a transaction waits for another process that writes. */
const busyTimeoutMs = 1_000;
/** Marks the file as Rollcall's (`ROLL`), and the version of its layout. */
const applicationId = 0x524f4c4c;
const layoutVersion = 1;

const layout = `
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
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${layoutVersion};
`;

interface Row {
  readonly rid: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly etag: string;
  readonly properties: Uint8Array;
  readonly preferences: Uint8Array;
}

export class UserDatabase {
  readonly #database: DatabaseSync;
  readonly #clock: () => number;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;

  /**
   * Opens the file, and lays it out if it is new.
   *
   * @param clock microseconds since 1970
   * @throws Error if the file cannot be opened, or is not Rollcall's
   */
  constructor(path: string, clock: () => number) {
    this.#clock = clock;
    this.#database = new DatabaseSync(path, { timeout: busyTimeoutMs });
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    this.#layOut(path);
    this.#select = this.#database.prepare(
      "SELECT rid, created_at, updated_at, etag, properties, preferences FROM user WHERE id = ?",
    );
    this.#insert = this.#database.prepare(
      "INSERT INTO user (id, created_at, updated_at, etag, properties) VALUES (?, ?, ?, ?, ?)",
    );
    this.#update = this.#database.prepare("UPDATE user SET updated_at = ?, etag = ?, properties = ? WHERE rid = ?");
  }

  /** The value of a pragma that has one. */
  pragma(name: string): SQLOutputValue | undefined {
    return Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  }

  /** Applies packed commands in one transaction; packed results. */
  identify(packed: Uint8Array): Buffer {
    return this.#transaction(() => {
      const reader = new PackedReader(packed);
      reader.u8();
      const count = reader.u32();
      const results = new PackedWriter(count * 32);
      const now = this.#clock();
      for (let i = 0; i < count; i++) this.#identifyOne(reader, results, now);
      return results.finish();
    });
  }

  /** The users of packed ids, packed. */
  get(packed: Uint8Array): Buffer {
    const reader = new PackedReader(packed);
    const count = reader.u32();
    const found = new PackedWriter(count * 1024);
    for (let i = 0; i < count; i++) {
      const row = this.#find(reader.text());
      if (row === undefined) found.u8(0);
      else writeUser(found, row);
    }
    return found.finish();
  }

  /** Writes nothing, but fails where a write would. */
  check(): void {
    this.#transaction(() => this.#find(""));
  }

  close(): void {
    this.#database.close();
  }

  #layOut(path: string): void {
    this.#transaction(() => {
      const application = this.pragma("application_id");
      const version = this.pragma("user_version");
      if (application === applicationId && version === layoutVersion) return;
      const tables = this.#database.prepare("SELECT count(*) AS count FROM sqlite_schema").get();
      if (tables?.["count"] !== 0) {
        const is =
          application === applicationId ? `has layout version ${version}, not ${layoutVersion}` : "is not ours";
        throw new Error(`${path} is a database that ${is}`);
      }
      this.#database.exec(layout);
    });
  }

  #transaction<Result>(work: () => Result): Result {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #identifyOne(reader: PackedReader, results: PackedWriter, now: number): void {
    const flag = reader.u8();
    reader.u8();
    const etag = reader.shortText();
    const id = reader.text();
    const sent = reader.bytes();
    const stored = this.#find(id);
    const answer = (code: number, row: Row) => {
      results.u8(code).shortText(row.etag);
      if ((flag & flags.wantUser) !== 0) writeUser(results, row);
    };

    if (stored === undefined) {
      if ((flag & flags.canCreate) === 0) {
        results.u8(status.requiredMissing);
        return;
      }
      this.#insert.run(id, now, now, etag, sent);
      const row = { rid: 0, createdAt: now, updatedAt: now, etag, properties: sent, preferences: new Uint8Array() };
      answer(status.created, row);
      return;
    }
    if (stored.etag === etag) {
      answer(stored.createdAt === stored.updatedAt ? status.created : status.updated, stored);
      return;
    }
    if (!isCanonicalProperties(stored.properties) || !isCanonicalProperties(sent)) {
      throw new Error("properties are not canonical");
    }
    const merged = mergeStructs(stored.properties, sent);
    if (merged === undefined) answer(status.unchanged, stored);
    else if (merged.count > limits.maxProperties) results.u8(status.tooMany).u32(merged.count);
    else if (merged.bytes.length > limits.maxPropertiesBytes) results.u8(status.tooLarge).u32(merged.bytes.length);
    else {
      const updatedAt = Math.max(now, stored.updatedAt + 1);
      this.#update.run(updatedAt, etag, merged.bytes, stored.rid);
      answer(status.updated, { ...stored, updatedAt, etag, properties: merged.bytes });
    }
  }

  #find(id: string): Row | undefined {
    const row = this.#select.get(id);
    return row === undefined ? undefined : readRow(row);
  }
}

function readRow(row: Record<string, SQLOutputValue>): Row {
  const { rid, created_at, updated_at, etag, properties, preferences } = row;
  if (
    typeof rid !== "number" ||
    typeof created_at !== "number" ||
    typeof updated_at !== "number" ||
    typeof etag !== "string" ||
    !(properties instanceof Uint8Array)
  ) {
    throw new Error("a row of the table user has unexpected types");
  }
  return {
    rid,
    createdAt: created_at,
    updatedAt: updated_at,
    etag,
    properties,
    preferences: preferences instanceof Uint8Array ? preferences : new Uint8Array(),
  };
}

function writeUser(writer: PackedWriter, row: Row): void {
  writer.u8(1).u64(row.createdAt).u64(row.updatedAt).shortText(row.etag).bytes(row.properties).bytes(row.preferences);
}
