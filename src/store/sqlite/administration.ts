import { DatabaseSync } from "node:sqlite";
import { version } from "../../config/version.ts";
import type { StoreAdministration } from "../administration.ts";
import { madeEarlier, noConfiguration, parseConfiguration } from "../configuration.ts";
import { ConfigurationTable } from "./configuration-table.ts";
import { explained } from "./failures.ts";
import { openReadOnly } from "./read-only.ts";
import { progressOf } from "./walk-state.ts";

const busyTimeoutMs = 1_000;

/** Administration of a database, which a server may have open. */
export function openSqliteAdministration(path: string): StoreAdministration {
  /** @throws Error if there is no Rollcall database */
  function withDatabase<Result>(open: () => DatabaseSync, work: (database: DatabaseSync) => Result): Result {
    openReadOnly(path).close();
    let database: DatabaseSync | undefined;
    try {
      database = open();
      database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
      return work(database);
    } catch (error) {
      throw error instanceof Error && error.name !== "Error" ? error : new Error(`${path}: ${explained(error)}`);
    } finally {
      database?.close();
    }
  }

  /** In one transaction, which is undone unless `work` says true. */
  function inTransaction(work: (database: DatabaseSync) => boolean): boolean {
    return withDatabase(
      () => new DatabaseSync(path),
      (database) => {
        database.exec("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; BEGIN IMMEDIATE");
        let done = false;
        try {
          done = work(database);
          database.exec(done ? "COMMIT" : "ROLLBACK");
        } finally {
          if (database.isTransaction) database.exec("ROLLBACK");
        }
        return done;
      },
    );
  }

  return {
    async read() {
      return withDatabase(
        () => openReadOnly(path),
        (database) => {
          const stored = new ConfigurationTable(database).read();
          if (stored !== undefined) {
            const configuration = parseConfiguration(stored.configuration);
            return { current: { ...stored, configuration }, madeBy: configuration.madeBy, deviations: [] };
          }
          const isNew = database.prepare("SELECT 1 FROM user LIMIT 1").get() === undefined;
          return { current: noConfiguration, madeBy: isNew ? version() : madeEarlier, deviations: [] };
        },
      );
    },
    async progress() {
      return withDatabase(
        () => openReadOnly(path),
        (database) => {
          const total = Number(database.prepare("SELECT count(*) AS users FROM user").get()?.["users"]);
          const stored = new ConfigurationTable(database).read();
          if (stored === undefined) return { done: 0, total };
          const share = progressOf(database, parseConfiguration(stored.configuration), Date.now());
          return { done: Math.floor(share * total), total };
        },
      );
    },
    async requireWritable() {
      inTransaction(() => false);
    },
    async change(from, to) {
      return inTransaction((database) => {
        const table = new ConfigurationTable(database);
        if ((table.read()?.stamp ?? "") !== from.stamp) return false;
        if (to.stamp !== from.stamp) table.write(to);
        return true;
      });
    },
    close() {},
  };
}
