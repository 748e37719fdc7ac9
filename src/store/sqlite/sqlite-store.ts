import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { StoreAdapter } from "../adapter.ts";
import { packCommands, packIds, packRange, readAll, unpackFound, unpackIds, unpackResults } from "../packed.ts";
import { Database } from "./database-thread.ts";

/** Users in one call, so that it does not hold the thread up for others for more than a few milliseconds. */
const maxCallUsers = 200;

const maxCallBytes = 256 * 1024;
/** How many calls the thread has before it, so that it need not wait for the next. */
const lanes = 2;

/**
 * Opens users kept in an SQLite database, in a thread of its own. What it answers is on disk (fsync).
 *
 * @param path the database file; it and its directory are made if they are not there
 * @throws Error if the file cannot be opened, or is not Rollcall's
 */
export async function openSqliteStore(path: string): Promise<StoreAdapter> {
  mkdirSync(dirname(path), { recursive: true });
  const database = await Database.open(path);
  return {
    shape: {
      lanes,
      laneOf: (id) => id.charCodeAt(id.length - 1) % lanes,
      mixed: true,
      maxUsers: maxCallUsers,
      maxBytes: maxCallBytes,
    },
    async write(commands) {
      return unpackResults(await database.call("write", packCommands(commands)), commands);
    },
    get(ids) {
      return readAll(ids, async (some) => unpackFound(await database.call("get", packIds(some)), some));
    },
    async list(after, count) {
      return unpackIds(await database.call("list", packRange(after, count)));
    },
    async check() {
      await database.call("check");
    },
    async warnings() {
      return [];
    },
    async close() {
      await database.close();
    },
  };
}
