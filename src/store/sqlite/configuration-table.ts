import type { DatabaseSync } from "node:sqlite";
import { formatConfiguration, type Present } from "../configuration.ts";
import { layOutEntries } from "./entry-table.ts";

/** The layout version while a feature is on, which versions that know no features refuse; and while none is. */
export const layoutVersions = { plain: 1, withFeatures: 2 } as const;

interface StoredRow {
  readonly stamp: string;
  /** JSON. */
  readonly configuration: string;
}

/** The table with the store's configuration, which has one row. Versions before 0.2 do not look at it. */
export class ConfigurationTable {
  readonly #database: DatabaseSync;
  #select: ReturnType<DatabaseSync["prepare"]> | undefined;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** @returns undefined if the store has no configuration yet */
  read(): StoredRow | undefined {
    if (!this.#exists()) return undefined;
    this.#select ??= this.#database.prepare("SELECT stamp, configuration FROM store");
    const row = this.#select.get();
    return row === undefined ? undefined : { stamp: String(row["stamp"]), configuration: String(row["configuration"]) };
  }

  /** Gives the store its configuration, in a transaction of the caller's. */
  write({ stamp, configuration }: Present): void {
    this.#database.exec("CREATE TABLE IF NOT EXISTS store (stamp TEXT NOT NULL, configuration TEXT NOT NULL) STRICT");
    this.#database.exec("DELETE FROM store");
    this.#database.prepare("INSERT INTO store VALUES (?, ?)").run(stamp, formatConfiguration(configuration));
    const hasFeatures = configuration.features.length > 0;
    if (hasFeatures && !this.#hasSeals()) this.#database.exec("ALTER TABLE user ADD COLUMN f BLOB");
    layOutEntries(this.#database, configuration.indexes);
    const version = hasFeatures ? layoutVersions.withFeatures : layoutVersions.plain;
    this.#database.exec(`PRAGMA user_version = ${version}`);
  }

  #exists(): boolean {
    if (this.#select !== undefined) return true;
    return this.#database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'store'").get() !== undefined;
  }

  #hasSeals(): boolean {
    return this.#database.prepare("SELECT 1 FROM pragma_table_info('user') WHERE name = 'f'").get() !== undefined;
  }
}
