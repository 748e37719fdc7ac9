import { DatabaseSync } from "node:sqlite";
import { mayLackRoom } from "./failures.ts";
import type { Reserve } from "./reserve.ts";

/** How long a transaction waits for another process that writes. */
const busyTimeoutMs = 1_000;
/** An answer means an fsync. */
export const waitForDisk = "PRAGMA synchronous = FULL";
export const waitForOthers = `PRAGMA busy_timeout = ${busyTimeoutMs}`;

/** @throws Error if the file cannot be opened, or is not a database */
export function openConnection(path: string, reserve: Reserve | undefined): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    database.exec(waitForOthers);
    // secure_delete overwrites deleted data with zeros.
    database.exec(`PRAGMA journal_mode = WAL; ${waitForDisk}; PRAGMA secure_delete = ON;`);
    // What is temporary holds values of users, too.
    database.exec("PRAGMA temp_store = MEMORY");
    return database;
  } catch (error) {
    database.close();
    // An open database needs more files, and room for them.
    if (mayLackRoom(error) && reserve?.release() === true) return openConnection(path, undefined);
    throw error;
  }
}
