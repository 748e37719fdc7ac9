/** A second connection to the database of a store that is open. */
import { DatabaseSync, type DatabaseSyncOptions } from "node:sqlite";

/** Longer than the store holds its database, on a busy machine too. */
const busyTimeoutMs = 10_000;

/** The store may be writing, or emptying its log, at any moment: the connection waits for it. Node's own default is not to. */
export function openBesideStore(path: string, options: DatabaseSyncOptions = {}): DatabaseSync {
  return new DatabaseSync(path, { timeout: busyTimeoutMs, ...options });
}
