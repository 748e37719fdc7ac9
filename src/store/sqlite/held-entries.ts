import type { DatabaseSync, StatementSync } from "node:sqlite";

/**
 * Entries of many users, in memory, that are to be added to the table in their order. That changes far fewer pages than to add those of
 * one user after the other. A transaction that is undone undoes its changes here, too.
 */
export class HeldEntries {
  readonly #database: DatabaseSync;
  #statements: Record<"add" | "remove" | "move" | "clear" | "count" | "version", StatementSync> | undefined;
  /** Of the database, by what other processes have written. */
  #version: unknown;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Makes the place for them, outside of a transaction, which could be undone. */
  prepare(): void {
    if (this.#statements !== undefined) return;
    const database = this.#database;
    database.exec("CREATE TEMP TABLE IF NOT EXISTS held (entry BLOB PRIMARY KEY) STRICT, WITHOUT ROWID");
    const first = "SELECT entry FROM held ORDER BY entry LIMIT ?";
    this.#statements = {
      add: database.prepare("INSERT OR IGNORE INTO held VALUES (?)"),
      remove: database.prepare("DELETE FROM held WHERE entry = ?"),
      move: database.prepare(`INSERT OR IGNORE INTO entry ${first}`),
      clear: database.prepare(`DELETE FROM held WHERE entry IN (${first})`),
      count: database.prepare("SELECT count(*) AS count FROM held"),
      version: database.prepare("PRAGMA data_version"),
    };
  }

  get isPrepared(): boolean {
    return this.#statements !== undefined;
  }

  /** Whether they may still be right: no other process has written, which would not have changed them. */
  isCurrent(): boolean {
    return this.#version !== undefined && this.#version === this.#readVersion();
  }

  /** Forgets all of them. */
  begin(): void {
    this.#database.exec("DELETE FROM held");
    this.#version = this.#readVersion();
  }

  add(entry: Uint8Array): void {
    this.#statements?.add.run(entry);
  }

  /** A user has lost it. */
  remove(entry: Uint8Array): void {
    this.#statements?.remove.run(entry);
  }

  get count(): number {
    return Number(this.#statements?.count.get()?.["count"] ?? 0);
  }

  /** Moves the first to the table, `most` at a time. @returns how many there were */
  move(most: number): number {
    this.#statements?.move.run(most);
    return Number(this.#statements?.clear.run(most).changes ?? 0);
  }

  #readVersion(): unknown {
    return this.#statements?.version.get()?.["data_version"];
  }
}
