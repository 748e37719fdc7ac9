/** Stores in SQLite with indexes: their entries, and those that their users should have. */
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import type { StoreAdapter } from "../../src/store/adapter.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { entryOf, indexedValues } from "../../src/users/indexes/entries.ts";
import type { Index } from "../../src/users/indexes/indexed-property.ts";
import { isCanonical } from "../../src/users/struct/scan.ts";
import { openBesideStore } from "./beside-store.ts";
import { temporaryFolder } from "./files.ts";
import { administrationOf, switchIndexes } from "./stores.ts";
import { sweepAll } from "./sweep-all.ts";

/** In hexadecimal digits, in order; undefined if there is no table for them. */
export function storedEntries(path: string): string[] | undefined {
  return inDatabase(path, (database) => {
    if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'entry'").get() === undefined) return undefined;
    return database
      .prepare("SELECT hex(entry) AS entry FROM entry ORDER BY entry")
      .all()
      .map(({ entry }) => String(entry));
  });
}

/** As `storedEntries`, from what the users have. */
export function rightEntries(path: string, indexes: readonly Index[]): string[] {
  const users = inDatabase(path, (database) => database.prepare("SELECT id, properties FROM user").all());
  const entries = users.flatMap(({ id, properties }) => {
    if (!(properties instanceof Uint8Array) || !isCanonical(properties)) throw new Error(`${id} is damaged`);
    return indexedValues(indexes, properties).map(({ number, value }) => entryOf(number, value, String(id)));
  });
  return entries.map((entry) => Buffer.from(entry).toString("hex").toUpperCase()).toSorted();
}

function inDatabase<Result>(path: string, work: (database: ReturnType<typeof openBesideStore>) => Result): Result {
  const database = openBesideStore(path, { readOnly: true });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** An empty store, and what a test does to it. */
export async function openIndexed() {
  const path = join(temporaryFolder(), "users.db");
  const store = await openSqliteStore(path);
  onTestFinished(() => store.close());
  const administration = await administrationOf(`sqlite:${path}`);
  onTestFinished(() => administration.close());
  return {
    path,
    store,
    /** Beside the server, as another process. */
    other: () => {
      const database = openBesideStore(path);
      onTestFinished(() => database.close());
      return database;
    },
    async indexes(text: string) {
      await switchIndexes(administration, text);
      await store.check();
    },
    /** Does all background work, until there is no more. */
    async sweep() {
      let before: number | undefined;
      do {
        before = store.configuration()?.generation;
        await sweepAll(store);
        await store.check();
      } while (store.configuration()?.generation !== before);
    },
    expectInLine() {
      expect(storedEntries(path)).toEqual(rightEntries(path, indexesOf(store)));
    },
  };
}

export function indexesOf(store: StoreAdapter) {
  return store.configuration()?.indexes ?? [];
}

/** The properties of the indexes, and how far each is. */
export function statesOf(store: StoreAdapter): string[][] {
  return indexesOf(store).map(({ property, state }) => [property, state]);
}

/** As a server that knows no indexes. */
export function changeElsewhere(path: string, id: string, changed: Uint8Array): void {
  const older = openBesideStore(path);
  older.prepare("UPDATE user SET properties = ?, etag = 'older' WHERE id = ?").run(changed, id);
  older.close();
}
