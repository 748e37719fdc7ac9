/** The SQLite database, and the verbs of the store over packed lists. Blocks the thread that calls it. */
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { unpackCommand } from "../packed.ts";
import { PackedReader, PackedWriter } from "../packed-buffer.ts";
import { applyCommand, writeUser } from "./apply-command.ts";
import { layout, UserTable } from "./user-table.ts";

/** What one call reads, or a little more: reading holds up what comes after it. */
const maxReadBytes = 1024 * 1024;

/** How long a transaction waits for another process that writes. */
const busyTimeoutMs = 1_000;
/** Marks the file as Rollcall's (`ROLL`), and the version of its layout. */
export const applicationId = 0x524f4c4c;
const layoutVersion = 1;

export class UserDatabase {
  readonly #database: DatabaseSync;
  readonly #clock: () => number;
  readonly #table: UserTable;

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
    this.#table = new UserTable(this.#database);
  }

  /** The value of a pragma that has one. */
  pragma(name: string): SQLOutputValue | undefined {
    return Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  }

  /** Applies packed commands in one transaction; packed results. */
  write(packed: Uint8Array): Buffer {
    return this.#transaction(() => {
      const reader = new PackedReader(packed);
      reader.u8();
      const count = reader.u32();
      const results = new PackedWriter(count * 32);
      const now = this.#clock();
      for (let i = 0; i < count; i++) applyCommand(this.#table, unpackCommand(reader), results, now);
      return results.finish();
    });
  }

  /** The users of the first of packed ids, packed: as many as fit, and one at least. */
  get(packed: Uint8Array): Buffer {
    const reader = new PackedReader(packed);
    const count = reader.u32();
    const found = new PackedWriter(count * 1024);
    for (let i = 0; i < count && found.length < maxReadBytes; i++) {
      const row = this.#table.find(reader.text());
      if (row === undefined) found.u8(0);
      else writeUser(found, row);
    }
    return found.finish();
  }

  /** The ids of a packed range, packed. */
  list(packed: Uint8Array): Buffer {
    const reader = new PackedReader(packed);
    const ids = this.#table.list(reader.text(), reader.u32());
    const listed = new PackedWriter().u32(ids.length);
    for (const id of ids) listed.text(id);
    return listed.finish();
  }

  /** Writes nothing, but fails where a write would. */
  check(): void {
    this.#transaction(() => this.#table.find(""));
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
      this.#database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${layoutVersion};`);
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
}
