import type { Priority } from "../../users/store.ts";
import { whenAborted } from "../../users/when-aborted.ts";
import type { Place } from "./fifo.ts";

/** An item of a submission. */
export interface Entry<Item, Result> {
  readonly submission: Submission<Item, Result>;
  readonly index: number;
  readonly item: Item;
}

/** A caller's list of items. It is answered once all of them have results, or fails as a whole. */
export class Submission<Item, Result> {
  readonly items: readonly Item[];
  readonly priority: Priority;
  readonly answer: Promise<readonly Result[]>;
  /** Its place in the queue. */
  place: Place<Submission<Item, Result>> | undefined;
  /** How many of the items have left the queue. */
  taken = 0;
  readonly #results: Result[];
  #missing: number;
  readonly #resolve: (results: readonly Result[]) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #onFailed: (submission: Submission<Item, Result>) => void;
  readonly #unlink: (() => void) | undefined;
  #isSettled = false;

  /** @param onFailed called before the answer rejects, to withdraw the items that wait */
  constructor(
    items: readonly Item[],
    priority: Priority,
    signal: AbortSignal | undefined,
    onFailed: (submission: Submission<Item, Result>) => void,
  ) {
    this.items = items;
    this.priority = priority;
    this.#results = new Array(items.length);
    this.#missing = items.length;
    const { promise, resolve, reject } = Promise.withResolvers<readonly Result[]>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onFailed = onFailed;
    this.#unlink = signal && whenAborted(signal, (reason) => this.fail(reason));
  }

  /** The first of the items that have not left the queue. */
  next(): Entry<Item, Result> | undefined {
    const item = this.items[this.taken];
    return item === undefined ? undefined : { submission: this, index: this.taken, item };
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  setResult(index: number, result: Result): void {
    this.#results[index] = result;
    if (--this.#missing === 0 && this.#settle()) this.#resolve(this.#results);
  }

  fail(reason: unknown): void {
    if (!this.#settle()) return;
    this.#onFailed(this);
    this.#reject(reason);
  }

  /** @returns false if it was settled before */
  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#unlink?.();
    return true;
  }
}
