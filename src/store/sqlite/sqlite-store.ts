import { storeUnavailable } from "../../users/errors.ts";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import type { StoreAdapter } from "../adapter.ts";
import { asSearched, parseToServe } from "../folding.ts";
import { valuesTooLongCounter } from "../index-metrics.ts";
import { free, PackedReader } from "../packed/buffer.ts";
import { packCommands, packIds, packRange, unpackIds, unpackResults } from "../packed/packed.ts";
import { readAll, unpackFound } from "../packed/users.ts";
import { brokenSealsCounter } from "../seal.ts";
import { Database } from "./database-thread.ts";
import { CorruptError } from "./failures.ts";
import type { ReserveNotice } from "./messages.ts";
import { defaultReserveBytes } from "./reserve.ts";
import { searchesOf } from "./search-calls.ts";

/** The most users in one call, so that it takes the thread no more than a few milliseconds. */
const maxCallUsers = 200;

const maxCallBytes = 256 * 1024;
/** The most searches in one call; those that find much are divided among several. */
const maxSearches = 50;
/** The calls queued for the thread, so that it need not wait for the next one. */
const lanes = 2;

export interface SqliteStoreOptions {
  /** The size of the file whose room deletions may use on a full disk. */
  readonly reserveBytes?: number | undefined;
  /** Called with the first state of that file, and with each change. */
  readonly onReserve?: ((notice: ReserveNotice) => void) | undefined;
}

/**
 * Opens an SQLite database in its own thread. An answer means that the data is on disk (fsync).
 *
 * @param path the database file; it and its folder are made if they are not there
 * @throws Error if the file cannot be opened, or is not Rollcall's
 */
export async function openSqliteStore(path: string, options: SqliteStoreOptions = {}): Promise<StoreAdapter> {
  const { reserveBytes = defaultReserveBytes, onReserve } = options;
  let reservedBytes = 0;
  let configuration: StoreConfiguration | undefined;
  /** Why this version cannot follow the configuration. */
  let refusal: unknown;
  let brokenSeals = 0;
  let tooLong = 0;
  /** @param text JSON */
  const follow = (text: string) => {
    [configuration, refusal] = [undefined, undefined];
    try {
      configuration = asSearched(parseToServe(text));
    } catch (error) {
      refusal = error;
    }
  };
  const database = await Database.open({
    path,
    reserveBytes,
    onNotice(notice) {
      if ("configuration" in notice) follow(notice.configuration);
      else if ("brokenSeals" in notice) brokenSeals += notice.brokenSeals;
      else if ("tooLong" in notice) tooLong += notice.tooLong;
      else {
        reservedBytes = notice.reserve === "kept" ? reserveBytes : 0;
        onReserve?.(notice);
      }
    },
  });
  /** The memory of an answer, which the thread has transferred, is freed once it has been read. */
  const answer = async <Unpacked>(
    verb: "write" | "get" | "list",
    request: Buffer<ArrayBuffer>,
    unpack: (packed: Uint8Array) => Unpacked,
  ): Promise<Unpacked> => {
    const packed = await database.call(verb, request);
    const unpacked = unpack(packed);
    free(packed);
    return unpacked;
  };
  return {
    shape: {
      lanes,
      laneOf: (id) => id.charCodeAt(id.length - 1) % lanes,
      mixed: true,
      maxUsers: maxCallUsers,
      maxBytes: maxCallBytes,
      maxSearches,
    },
    async write(commands) {
      try {
        return await answer("write", packCommands(commands), (packed) => unpackResults(packed, commands));
      } catch (error) {
        // Lanes send each of several commands again by itself.
        if (!(error instanceof CorruptError) || commands.length > 1) throw error;
        return [{ refused: "damaged", part: "record", applied: false }];
      }
    },
    get(ids) {
      return readAll(ids, (some) => answer("get", packIds(some), (packed) => unpackFound(packed, some)));
    },
    list(after, count) {
      return answer("list", packRange(after, count), unpackIds);
    },
    ...searchesOf(database),
    async check() {
      try {
        await database.call("check");
        return [];
      } catch (error) {
        // The check concerns no record: the file is damaged.
        throw error instanceof CorruptError ? storeUnavailable(error) : error;
      }
    },
    sweep: {
      partitions: 1,
      get generation() {
        return configuration?.generation;
      },
      // One process has the database.
      readLease: async () => "",
      setLease: async () => true,
      async sweep() {
        // The last slice makes the index ready.
        const isBuilding = configuration?.indexes.some(({ state }) => state === "building") === true;
        const reader = new PackedReader(await database.call("sweep"));
        const work = reader.shortText();
        return {
          work: work === "" ? undefined : work,
          isBuild: work === "seal" && isBuilding,
          items: reader.u32(),
          share: reader.u8() / 100,
          isDone: reader.u8() === 1,
        };
      },
      onAllDone: async () => true,
    },
    configuration() {
      if (refusal !== undefined) throw storeUnavailable(refusal);
      return configuration;
    },
    async warnings() {
      return [];
    },
    gauges: [
      {
        name: "rollcall.store.reserve",
        options: { description: "The file beside the database, for deletions on a full disk.", unit: "By" },
        read: () => reservedBytes,
      },
    ],
    counters: [brokenSealsCounter(() => brokenSeals), valuesTooLongCounter(() => tooLong)],
    async close() {
      await database.close();
    },
  };
}
