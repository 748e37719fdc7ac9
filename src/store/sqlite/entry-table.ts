/** The table of the entries of all indexes, which is there while the store has an index. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { boundsOf, type EntryRange, entryOf, entryPrefix } from "../../users/indexes/entries.ts";
import { indexValue, valueOfProperty } from "../../users/indexes/index-value.ts";
import { type Index, isMaintained } from "../../users/indexes/indexed-property.ts";
import type { HeldEntries } from "./held-entries.ts";

const layout = "CREATE TABLE entry (entry BLOB PRIMARY KEY) STRICT, WITHOUT ROWID";

/** Whether the table is there, and whether it is as Rollcall makes it. */
export function findEntryTable(database: DatabaseSync): "ours" | "foreign" | undefined {
  const sql = database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'entry'").get()?.["sql"];
  return sql === undefined ? undefined : sql === layout ? "ours" : "foreign";
}

/**
 * Makes the table if it is needed, and drops it if it is not; in a transaction of the caller's.
 *
 * @throws Error with the next step, if something else has made it or dropped it
 */
export function layOutEntries(database: DatabaseSync, indexes: readonly Index[]): void {
  const found = findEntryTable(database);
  if (indexes.length === 0) {
    if (found === "ours") database.exec("DROP TABLE entry");
    return;
  }
  if (found === "foreign") throw new Error('another program has a table "entry" in the database: remove it first');
  if (found === "ours") return;
  if (indexes.some(({ state }) => state === "ready")) {
    throw new Error("the table with the entries of the indexes is missing: drop all indexes, and set them again");
  }
  database.exec(layout);
}

const nothing: Uint8Array = new Uint8Array();

export class EntryTable {
  readonly #maintained: readonly Index[];
  readonly #dropped: readonly Index[];
  readonly #held: HeldEntries;
  readonly #onTooLong: () => void;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #list: StatementSync;
  readonly #last: StatementSync;
  readonly #count: StatementSync;
  readonly #clear: StatementSync;

  /**
   * @param held entries that will be added
   * @param onTooLong called for each value that does not fit into its index
   */
  constructor(database: DatabaseSync, indexes: readonly Index[], held: HeldEntries, onTooLong: () => void) {
    this.#held = held;
    this.#maintained = indexes.filter(isMaintained);
    this.#dropped = indexes.filter((index) => !isMaintained(index));
    this.#onTooLong = onTooLong;
    this.#insert = database.prepare("INSERT OR IGNORE INTO entry VALUES (?)");
    this.#delete = database.prepare("DELETE FROM entry WHERE entry = ?");
    const range = "SELECT entry FROM entry WHERE entry > ? AND entry < ? ORDER BY entry LIMIT";
    this.#list = database.prepare(`${range} ?`);
    this.#list.setReturnArrays(true);
    this.#last = database.prepare(`${range} 1 OFFSET ?`);
    this.#count = database.prepare("SELECT count(*) AS count FROM entry WHERE entry > ? AND entry < ?");
    this.#clear = database.prepare(`DELETE FROM entry WHERE entry IN (${range} ?)`);
  }

  /**
   * Brings a user's entries in line with a change of its properties. Those from before need not be there.
   *
   * @param before a canonical Struct
   * @param after a canonical Struct
   */
  change(id: string, before: Uint8Array, after: Uint8Array): void {
    if (before === after) return;
    for (const { number, property, folded } of this.#maintained) {
      const old = valueOfProperty(before, property);
      const next = valueOfProperty(after, property);
      if (areSame(old, next)) continue;
      const made = next && indexValue(next, folded);
      if (made === "too-long") this.#onTooLong();
      const lost = old && indexValue(old, folded);
      if (lost instanceof Uint8Array) this.#remove(entryOf(number, lost, id));
      if (made instanceof Uint8Array) this.#insert.run(entryOf(number, made, id));
    }
  }

  /** The entries that a user should have. @param properties a canonical Struct */
  of(id: string, properties: Uint8Array): Uint8Array[] {
    return this.#maintained.flatMap(({ number, property, folded, state }) => {
      const value = valueOfProperty(properties, property);
      const form = value && indexValue(value, folded);
      if (form === "too-long" && state === "building") this.#onTooLong();
      return form instanceof Uint8Array ? [entryOf(number, form, id)] : [];
    });
  }

  /** Adds the entries that a user lacks. @param properties a canonical Struct */
  complete(id: string, properties: Uint8Array): void {
    for (const entry of this.of(id, properties)) this.#insert.run(entry);
  }

  /** Removes the entries of a user. @param properties a canonical Struct */
  remove(id: string, properties: Uint8Array): void {
    this.change(id, properties, nothing);
  }

  /** Entries in their order; fewer than `count` only at the end. */
  list(range: EntryRange, count: number): Uint8Array[] {
    const [after, before] = boundsOf(range);
    return this.#list.all(after, before, count).flatMap((row) => {
      const [entry]: unknown[] = Array.isArray(row) ? row : [];
      return entry instanceof Uint8Array ? [entry] : [];
    });
  }

  /** Counts `most` entries of a range, or fewer at its end. @returns how many; and the last of them, if there may be more */
  count(range: EntryRange, most: number): { readonly count: number; readonly last: Uint8Array | undefined } {
    const [after, before] = boundsOf(range);
    const last = this.#last.get(after, before, most - 1)?.["entry"];
    if (last instanceof Uint8Array) return { count: most, last };
    return { count: Number(this.#count.get(after, before)?.["count"]), last: undefined };
  }

  #remove(entry: Uint8Array): void {
    this.#delete.run(entry);
    this.#held.remove(entry);
  }

  /** Removes entries of indexes that are being dropped, `most` at a time. @returns how many there were */
  clearDropped(most: number): number {
    let cleared = 0;
    for (const { number } of this.#dropped) {
      const [after, before] = boundsOf({ prefix: entryPrefix(number), after: undefined });
      cleared += Number(this.#clear.run(after, before, most - cleared).changes);
    }
    return cleared;
  }
}

function areSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}
