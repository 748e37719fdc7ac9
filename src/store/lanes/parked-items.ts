import { performance } from "node:perf_hooks";

interface Parked<Entry> {
  readonly entry: Entry;
  /** The time of `performance.now()` at which it was parked first. */
  readonly since: number;
}

/** Items that the store postponed, in order, until they are tried again after a pause. */
export class ParkedItems<Entry extends object> {
  readonly #keyOf: (entry: Entry) => string;
  readonly #retryMs: number;
  readonly #onDue: () => void;
  #items: Parked<Entry>[] = [];
  /** How many have each key. */
  readonly #keys = new Map<string, number>();
  /** When items that are in a call were parked first. */
  readonly #since = new WeakMap<Entry, number>();
  /** Runs while something is parked and not due. */
  #timer: NodeJS.Timeout | undefined;
  #due = false;

  /** @param onDue called when items are to be tried again */
  constructor(keyOf: (entry: Entry) => string, retryMs: number, onDue: () => void) {
    this.#keyOf = keyOf;
    this.#retryMs = retryMs;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Whether there are items to be tried again. */
  get isDue(): boolean {
    return this.#due && this.#items.length > 0;
  }

  /** Whether an item with the same key is parked, which comes first. */
  holdsUp(entry: Entry): boolean {
    return this.#items.length > 0 && this.#keys.has(this.#keyOf(entry));
  }

  add(entry: Entry): void {
    this.#items.push(this.#park(entry));
  }

  /** Puts items, in their order, in front of all others. */
  putBack(entries: readonly Entry[]): void {
    this.#items = [...entries.map((entry) => this.#park(entry)), ...this.#items];
  }

  /** Takes those that are due, as many as fit; the rest is due after another pause. */
  takeDue(fits: (entry: Entry) => boolean): Entry[] {
    if (!this.#due) return [];
    const end = this.#items.findIndex(({ entry }) => !fits(entry));
    const taken = this.#items.splice(0, end < 0 ? this.#items.length : end);
    for (const { entry, since } of taken) {
      this.#since.set(entry, since);
      this.#forget(entry);
    }
    this.#due = false;
    if (this.#items.length > 0) this.#startTimer();
    return taken.map(({ entry }) => entry);
  }

  /** Those that have been parked for longer than so many milliseconds. */
  olderThan(ms: number): Entry[] {
    const before = performance.now() - ms;
    return this.#items.filter(({ since }) => since < before).map(({ entry }) => entry);
  }

  /** Removes the unwanted ones, and returns them. */
  remove(unwanted: (entry: Entry) => boolean): Entry[] {
    if (this.#items.length === 0) return [];
    const removed = this.#items.filter(({ entry }) => unwanted(entry)).map(({ entry }) => entry);
    this.#items = this.#items.filter(({ entry }) => !unwanted(entry));
    for (const entry of removed) this.#forget(entry);
    return removed;
  }

  #park(entry: Entry): Parked<Entry> {
    const key = this.#keyOf(entry);
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    this.#startTimer();
    return { entry, since: this.#since.get(entry) ?? performance.now() };
  }

  #forget(entry: Entry): void {
    const key = this.#keyOf(entry);
    const left = (this.#keys.get(key) ?? 0) - 1;
    if (left > 0) this.#keys.set(key, left);
    else this.#keys.delete(key);
  }

  #startTimer(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#due = true;
      this.#onDue();
    }, this.#retryMs);
  }
}
