import { performance } from "node:perf_hooks";

interface Parked<Entry> {
  readonly entry: Entry;
  /** Of `performance.now()`, when it was parked first. */
  readonly since: number;
}

/** Items that cannot be done yet, in order; those with the same key wait behind one another. */
export class ParkedItems<Entry extends object> {
  readonly #keyOf: (entry: Entry) => string;
  #items: Parked<Entry>[] = [];
  /** How many there are of each key. */
  readonly #keys = new Map<string, number>();
  /** Since when what was taken to be tried again has been parked. */
  readonly #since = new WeakMap<Entry, number>();

  constructor(keyOf: (entry: Entry) => string) {
    this.#keyOf = keyOf;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): Entry | undefined {
    return this.#items[0]?.entry;
  }

  /** Whether one with the same key is parked. */
  holdsUp(entry: Entry): boolean {
    return this.#items.length > 0 && this.#keys.has(this.#keyOf(entry));
  }

  add(entry: Entry): void {
    this.#items.push(this.#parked(entry));
  }

  /** Puts entries, in their order, in front of all others. */
  putBack(entries: readonly Entry[]): void {
    this.#items = [...entries.map((entry) => this.#parked(entry)), ...this.#items];
  }

  /** @throws RangeError if there is none */
  takeFirst(): Entry {
    const first = this.#items.shift();
    if (first === undefined) throw new RangeError("nothing is parked");
    this.#since.set(first.entry, first.since);
    this.#forget(first.entry);
    return first.entry;
  }

  /** Those parked for longer than that, in milliseconds. */
  olderThan(ms: number): Entry[] {
    const before = performance.now() - ms;
    return this.#items.filter(({ since }) => since < before).map(({ entry }) => entry);
  }

  /** Removes those of which `unwanted` is true, and returns them. */
  remove(unwanted: (entry: Entry) => boolean): Entry[] {
    if (this.#items.length === 0) return [];
    const removed = this.#items.filter(({ entry }) => unwanted(entry)).map(({ entry }) => entry);
    this.#items = this.#items.filter(({ entry }) => !unwanted(entry));
    for (const entry of removed) this.#forget(entry);
    return removed;
  }

  #parked(entry: Entry): Parked<Entry> {
    const key = this.#keyOf(entry);
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    return { entry, since: this.#since.get(entry) ?? performance.now() };
  }

  #forget(entry: Entry): void {
    const key = this.#keyOf(entry);
    const left = (this.#keys.get(key) ?? 0) - 1;
    if (left > 0) this.#keys.set(key, left);
    else this.#keys.delete(key);
  }
}
