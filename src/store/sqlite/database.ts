/** The SQLite database, and the store's methods over packed lists. Blocks its thread. */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { PackedReader, PackedWriter } from "../packed/buffer.ts";
import { unpackCommand, verbs } from "../packed/packed.ts";
import { applyCommand } from "./apply-command.ts";
import { layoutVersions } from "./configuration-table.ts";
import { openConnection, waitForDisk, waitForOthers } from "./connection.ts";
import { makeFile, OpenFiles } from "./database-file.ts";
import { mayLackRoom } from "./failures.ts";
import { type ConfigurationEvents, FollowedConfiguration } from "./followed-configuration.ts";
import type { SearchVerb } from "./messages.ts";
import type { Reserve } from "./reserve.ts";
import { nothingToDo } from "./seal-sweep.ts";
import { Searches } from "./searches.ts";
import { UserCount } from "./user-count.ts";
import { layout } from "./user-table.ts";
import { writeFound } from "./write-found.ts";

const knownVersions: readonly unknown[] = Object.values(layoutVersions);

/** About the most that one call reads, because it delays later calls. */
const maxReadBytes = 1024 * 1024;

/** `ROLL`: marks the file as Rollcall's. */
export const applicationId = 0x524f4c4c;

export interface DatabaseOptions extends ConfigurationEvents {
  /** Room for deletions on a full disk. */
  readonly reserve?: Reserve | undefined;
  /** Whether to make the file if it is not there. Default: true. */
  readonly mayCreate?: boolean | undefined;
}

export class UserDatabase {
  readonly #database: DatabaseSync;
  readonly #clock: () => number;
  readonly #count: UserCount;
  readonly #configured: FollowedConfiguration;
  readonly #searches: Searches;
  readonly #files: OpenFiles;
  readonly #reserve: Reserve | undefined;
  /** Whether the log may hold deleted data. It may, at first, from before. */
  #remembers = true;

  /**
   * Opens the file, and lays it out if it is new.
   *
   * @param clock microseconds since 1970
   * @throws Error if the file cannot be opened, or is not Rollcall's; UnknownFeaturesError if a newer version has configured it
   */
  constructor(path: string, clock: () => number, options: DatabaseOptions = {}) {
    const { reserve, mayCreate = true } = options;
    this.#clock = clock;
    this.#reserve = reserve;
    makeFile(path, mayCreate);
    this.#database = openConnection(path, reserve);
    this.#count = new UserCount(this.#database);
    try {
      this.#layOut(path);
      this.#configured = new FollowedConfiguration(this.#database, this.#count, options);
      this.#searches = new Searches(this.#database, this.#configured, this.#count, () => this.#nowMs());
      this.#configure();
      this.#transaction(() => this.#configured.follow());
    } catch (error) {
      this.#database.close();
      throw error;
    }
    this.#files = new OpenFiles([path, `${path}-wal`]);
  }

  /** The value of a pragma that has one. */
  pragma(name: string): SQLOutputValue | undefined {
    return Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  }

  /** Applies packed commands in one transaction. @returns packed results */
  write(packed: Uint8Array): Buffer<ArrayBuffer> {
    this.#files.checkLately();
    const results = this.#applyWithRoom(packed);
    this.#files.checkLately();
    return results;
  }

  /** If the disk has no room for a deletion, makes room and tries again. */
  #applyWithRoom(packed: Uint8Array): Buffer<ArrayBuffer> {
    let failure: unknown;
    for (const makesRoom of [() => true, () => this.#reserve?.release() === true, () => this.forgetDeleted()]) {
      if (!makesRoom()) continue;
      try {
        return this.#apply(packed);
      } catch (error) {
        failure = error;
        if (!mayLackRoom(error) || !hasDeletion(packed)) break;
      }
    }
    throw failure;
  }

  /** Whether there is room for more than deletions: other writes would take what they need. */
  get #hasRoom(): boolean {
    return this.#reserve?.state !== "used";
  }

  #apply(packed: Uint8Array): Buffer<ArrayBuffer> {
    const mayGrow = this.#hasRoom;
    return this.#transaction(() => {
      this.#configured.follow();
      const { users } = this.#configured;
      users.mayGrow = mayGrow;
      const reader = new PackedReader(packed);
      reader.u8();
      const count = reader.u32();
      const results = new PackedWriter(count * 32);
      const now = this.#clock();
      for (let i = 0; i < count; i++) {
        const command = unpackCommand(reader);
        if (command.verb === verbs.delete) this.#remembers = true;
        applyCommand(users, command, results, now);
      }
      return results.finish();
    });
  }

  /** @returns the users of packed ids, packed: as many of the first as fit, at least one */
  get(packed: Uint8Array): Buffer<ArrayBuffer> {
    this.#configured.requireKnown();
    this.#files.checkLately();
    const reader = new PackedReader(packed);
    const count = reader.u32();
    const users = new PackedWriter(count * 1024);
    for (let i = 0; i < count && users.length < maxReadBytes; i++) {
      writeFound(users, this.#configured.users, reader.text());
    }
    return users.finish();
  }

  /** @returns the ids of a packed range, packed */
  list(packed: Uint8Array): Buffer<ArrayBuffer> {
    this.#configured.requireKnown();
    this.#files.checkLately();
    const reader = new PackedReader(packed);
    const ids = this.#configured.users.list(reader.text(), reader.u32());
    const listed = new PackedWriter().u32(ids.length);
    for (const id of ids) listed.text(id);
    return listed.finish();
  }

  /** Answers what is asked besides users. @returns the answer, packed as searches.ts says */
  search(verb: SearchVerb, packed: Uint8Array): Buffer<ArrayBuffer> {
    this.#configured.requireKnown();
    this.#files.checkLately();
    return this.#searches.answer(verb, packed);
  }

  /** Writes nothing, but fails if a write would. */
  check(): void {
    this.#files.check();
    this.#configure();
    this.#transaction(() => {
      this.#configured.follow();
      this.#configured.users.find("");
    });
    this.keepReserve();
  }

  /**
   * Does a slice of background work, if there is room for it.
   *
   * @returns u8+what it was (empty for none), u32 items, u8 how far it is in percent, u8 whether it is done
   */
  sweep(): Buffer<ArrayBuffer> {
    this.#files.checkLately();
    // If the machine fails, what a slice has done is lost together with where it stopped: it need not wait for the disk.
    this.#database.exec("PRAGMA synchronous = NORMAL");
    try {
      this.#configured.prepareSweep();
      const { work, items, share, removed, isDone } = this.#transaction(() =>
        this.#hasRoom ? this.#configured.sweep(this.#nowMs()) : nothingToDo,
      );
      if (removed > 0) this.#remembers = true;
      // The last slice may have changed the configuration.
      if (isDone) this.#transaction(() => this.#configured.follow());
      return new PackedWriter()
        .shortText(work ?? "")
        .u32(items)
        .u8(Math.floor(share * 100))
        .u8(isDone ? 1 : 0)
        .finish();
    } finally {
      this.#database.exec(waitForDisk);
    }
  }

  /** Makes the reserve, if it is not there and the disk has room for it. */
  keepReserve(): void {
    this.#reserve?.keep();
  }

  /** Whether the log beside the file may hold deleted data. */
  get remembersDeleted(): boolean {
    return this.#remembers;
  }

  /**
   * Brings the log into the file, and empties it. It does not wait for another connection that is in the way.
   *
   * @returns whether that could be done
   */
  forgetDeleted(): boolean {
    this.#database.exec("PRAGMA busy_timeout = 0");
    try {
      this.#remembers = this.pragma("wal_checkpoint(TRUNCATE)") !== 0;
    } catch {
      // As where the disk has no room: what is written next fails for the same reason, and says so.
    } finally {
      this.#database.exec(waitForOthers);
    }
    return !this.#remembers;
  }

  close(): void {
    if (this.#remembers) this.forgetDeleted();
    this.#database.close();
  }

  #nowMs(): number {
    return Math.floor(this.#clock() / 1_000);
  }

  #layOut(path: string): void {
    this.#transaction(() => {
      const application = this.pragma("application_id");
      const version = this.pragma("user_version");
      if (application === applicationId && knownVersions.includes(version)) return;
      const tables = this.#database.prepare("SELECT count(*) AS count FROM sqlite_schema").get();
      if (tables?.["count"] !== 0) {
        const is =
          application === applicationId
            ? `has layout version ${version}, not ${knownVersions.join(" or ")}: start the version of Rollcall that wrote it`
            : "is not ours: name another file in --store";
        throw new Error(`${path} is a database that ${is}`);
      }
      this.#database.exec(layout);
      this.#database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${layoutVersions.plain};`);
    });
  }

  /** Gives the store a configuration, if it has none. If the disk has no room for it, that is left for later. */
  #configure(): void {
    if (this.#configured.isThere) return;
    try {
      this.#transaction(() => this.#configured.create());
    } catch (error) {
      if (!mayLackRoom(error)) throw error;
    }
  }

  #transaction<Result>(work: () => Result): Result {
    this.#database.exec("BEGIN IMMEDIATE");
    let isCommitted = false;
    try {
      const result = work();
      this.#database.exec("COMMIT");
      isCommitted = true;
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    } finally {
      this.#count.ended(isCommitted);
    }
  }
}

function hasDeletion(packed: Uint8Array): boolean {
  const reader = new PackedReader(packed);
  reader.u8();
  const count = reader.u32();
  for (let i = 0; i < count; i++) if (unpackCommand(reader).verb === verbs.delete) return true;
  return false;
}
