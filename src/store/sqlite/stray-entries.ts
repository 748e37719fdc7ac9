import type { DatabaseSync } from "node:sqlite";
import { type IndexedUser, numberOfEntry, readEntry } from "../../users/indexes/entries.ts";
import { indexedValueOf } from "../../users/indexes/index-value.ts";
import { type Index, isMaintained } from "../../users/indexes/indexed-property.ts";
import { isCanonical } from "../../users/struct/scan.ts";

/** What a slice looks at, at most. */
const sliceEntries = 200;
const nothing: Uint8Array = new Uint8Array();

/** Removes entries that no user should have, slice by slice. A server that knows no indexes leaves them behind. */
export class StrayEntries {
  readonly #database: DatabaseSync;
  /** The last entry that was looked at. It holds a value of a user, and so is not stored. */
  #after: Uint8Array = nothing;
  /** What other processes had written when the walk began, and when the last whole one did: see `mayBeThere`. */
  #begunAt: unknown;
  #wholeAt: unknown;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Whether there may be any: another process has written since the last look at all entries, or nobody has looked yet. */
  mayBeThere(): boolean {
    return this.#wholeAt === undefined || this.#wholeAt !== this.#version();
  }

  /** Some may have been left behind. */
  suspect(): void {
    this.#wholeAt = undefined;
    this.#begunAt = undefined;
  }

  /** Goes back to the first entry. */
  begin(): void {
    this.#after = nothing;
    this.#begunAt = this.#version();
  }

  /** @param isOver whether the time of the slice is over */
  slice(indexes: readonly Index[], isOver: () => boolean) {
    const entries = this.#database.prepare("SELECT entry FROM entry WHERE entry > ? ORDER BY entry LIMIT ?");
    const remove = this.#database.prepare("DELETE FROM entry WHERE entry = ?");
    const user = this.#database.prepare("SELECT properties FROM user WHERE id = ?");
    const rows = entries.all(this.#after, sliceEntries);
    let [items, removed] = [0, 0];
    for (const { entry } of rows) {
      if (!(entry instanceof Uint8Array)) continue;
      const index = indexes.find(({ number }) => number === numberOfEntry(entry));
      const found = readEntry(entry);
      const properties = found && user.get(found.id)?.["properties"];
      if (index === undefined || !isMaintained(index) || !mayHave(properties, index, found)) {
        remove.run(entry);
        removed++;
      }
      this.#after = entry;
      items++;
      if (isOver()) break;
    }
    const isDone = items === rows.length && rows.length < sliceEntries;
    if (isDone) this.#wholeAt = this.#begunAt;
    return { items, removed, isDone };
  }

  #version(): unknown {
    return this.#database.prepare("PRAGMA data_version").get()?.["data_version"];
  }
}

/** Whether an entry is right, or cannot be told to be wrong because the user's record is damaged. */
function mayHave(properties: unknown, index: Index, entry: IndexedUser | undefined): boolean {
  if (entry === undefined || properties === undefined) return false;
  if (!(properties instanceof Uint8Array) || !isCanonical(properties)) return true;
  const value = indexedValueOf(properties, index);
  return value instanceof Uint8Array && Buffer.compare(value, entry.value) === 0;
}
