import { storeUnavailable, UserError } from "../users/errors.ts";
import { ParkedItems } from "./parked-items.ts";
import type { WaitingBytes } from "./waiting-bytes.ts";

export interface LaneOptions<Item, Result> {
  /** Does the work for one list; results in the order of the items, undefined where one cannot be done yet. */
  readonly call: (items: readonly Item[]) => Promise<readonly (Result | undefined)[]>;
  readonly bytesOf: (item: Item) => number;
  /** Items with the same key are done in order. */
  readonly keyOf: (item: Item) => string;
  /** The most one call takes. A single item larger than the bytes is a call of its own. */
  readonly maxCallItems: number;
  readonly maxCallBytes: number;
  /** An item that cannot be done yet is tried again so often, and given up in the end. */
  readonly retryMs: number;
  readonly giveUpMs: number;
}

interface Submission<Item, Result> {
  readonly items: readonly Item[];
  readonly results: Result[];
  /** How many of the items have left the queue. */
  taken: number;
  /** How many have no result yet. */
  missing: number;
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (reason: unknown) => void;
  settled: boolean;
}

/** An item of a submission. */
interface Entry<Item, Result> {
  readonly submission: Submission<Item, Result>;
  readonly index: number;
  readonly item: Item;
}

/**
 * Lets work that arrives together travel together: one call is under way at a time, and what arrives meanwhile makes
 * up the next. Order is kept, from one submission to the next and within each; an item that cannot be done yet is
 * parked, and lets by those with other keys.
 */
export class Lane<Item, Result> {
  readonly #options: LaneOptions<Item, Result>;
  readonly #waitingBytes: WaitingBytes;
  readonly #waiting: Submission<Item, Result>[] = [];
  readonly #parked: ParkedItems<Entry<Item, Result>>;
  #retry: NodeJS.Timeout | undefined;
  #retryDue = false;
  #running: Promise<void> | undefined;
  #underWay: { readonly entries: readonly Entry<Item, Result>[]; readonly done: Promise<void> } | undefined;
  #onIdle: (() => void)[] = [];

  constructor(options: LaneOptions<Item, Result>, waitingBytes: WaitingBytes) {
    this.#options = options;
    this.#waitingBytes = waitingBytes;
    this.#parked = new ParkedItems(({ item }) => options.keyOf(item));
  }

  /**
   * @param items one at least
   * @param signal if it aborts, items that are not under way are taken back and the promise rejects with its reason
   * @throws UserError STORE_UNAVAILABLE if that befell this call or the one it waited for, or an item could not be done
   * in time; else what the call rejects with, once any of the items failed
   */
  submit(items: readonly Item[], signal?: AbortSignal): Promise<readonly Result[]> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const submission: Submission<Item, Result> = {
        items,
        results: new Array(items.length),
        taken: 0,
        missing: items.length,
        settled: false,
        resolve: (results) => {
          signal?.removeEventListener("abort", onAbort);
          submission.settled = true;
          resolve(results);
        },
        reject: (reason) => {
          if (submission.settled) return;
          signal?.removeEventListener("abort", onAbort);
          submission.settled = true;
          this.#withdraw(submission);
          reject(reason);
        },
      };
      const onAbort = () => submission.reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(submission);
      this.#waitingBytes.add(this.#bytes(items));
      this.#running ??= this.#run();
    });
  }

  /** Resolves once none of the items of a submission that was rejected is under way any more. */
  async overFor(items: readonly Item[]): Promise<void> {
    if (this.#underWay?.entries.some(({ submission }) => submission.items === items)) await this.#underWay.done;
  }

  /** Resolves once nothing waits or is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined || this.#parked.size > 0) {
      await (this.#running ?? new Promise<void>((resolve) => this.#onIdle.push(resolve)));
    }
  }

  async #run(): Promise<void> {
    // What is submitted in the same tick joins the first call.
    await Promise.resolve();
    while (this.#waiting.length > 0 || (this.#retryDue && this.#parked.size > 0)) {
      const entries = this.#take();
      if (entries.length === 0) continue;
      this.#underWay = { entries, done: this.#call(entries) };
      await this.#underWay.done;
      this.#underWay = undefined;
    }
    this.#running = undefined;
    this.#retryLater();
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  async #call(entries: readonly Entry<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.call(entries.map(({ item }) => item));
      if (results.length !== entries.length) throw new Error("a call did not answer a result for each item");
      const postponed = entries.filter(({ submission }, at) => results[at] === undefined && !submission.settled);
      this.#park(postponed);
      for (const [at, { submission, index }] of entries.entries()) {
        const result = results[at];
        if (result === undefined) continue;
        submission.results[index] = result;
        submission.missing--;
        if (submission.missing === 0 && !submission.settled) submission.resolve(submission.results);
      }
    } catch (error) {
      for (const { submission } of entries) submission.reject(error);
      // What waits would wait as long again, one call after the other.
      if (isOutage(error)) for (const submission of [...this.#waiting]) submission.reject(error);
    }
  }

  /** Takes the next call's items: parked ones that are to be tried again, then the head of the queue. */
  #take(): Entry<Item, Result>[] {
    const { bytesOf, maxCallItems, maxCallBytes } = this.#options;
    const taken: Entry<Item, Result>[] = [];
    let bytes = 0;
    const fits = (item: Item) => {
      const size = bytesOf(item);
      if (taken.length >= maxCallItems || (taken.length > 0 && bytes + size > maxCallBytes)) return false;
      bytes += size;
      return true;
    };
    if (this.#retryDue) {
      this.#retryDue = false;
      this.#giveUpOld();
      for (let entry = this.#parked.first; entry !== undefined && fits(entry.item); entry = this.#parked.first) {
        taken.push(this.#parked.takeFirst());
      }
      this.#retryLater();
    }
    for (let submission = this.#waiting[0]; submission !== undefined; submission = this.#waiting[0]) {
      for (let index = submission.taken; index < submission.items.length; index++) {
        const item = submission.items[index] as Item;
        const entry = { submission, index, item };
        if (this.#parked.holdsUp(entry)) this.#parked.add(entry);
        else if (fits(item)) taken.push(entry);
        else return this.#leaving(taken);
        submission.taken++;
      }
      this.#waiting.shift();
    }
    return this.#leaving(taken);
  }

  /** They wait no more. */
  #leaving(entries: Entry<Item, Result>[]): Entry<Item, Result>[] {
    this.#waitingBytes.remove(this.#bytes(entries.map(({ item }) => item)));
    return entries;
  }

  /** Puts items back in front of those that were parked after them. */
  #park(entries: readonly Entry<Item, Result>[]): void {
    if (entries.length === 0) return;
    this.#waitingBytes.add(this.#bytes(entries.map(({ item }) => item)));
    this.#parked.putBack(entries);
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#parked.size === 0 || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#retryDue = true;
      this.#running ??= this.#run();
    }, this.#options.retryMs);
  }

  #giveUpOld(): void {
    for (const { submission } of this.#parked.olderThan(this.#options.giveUpMs)) {
      submission.reject(storeUnavailable(new Error("a user's part of the store has been on the move for too long")));
    }
  }

  #withdraw(submission: Submission<Item, Result>): void {
    const parked = this.#parked.remove((entry) => entry.submission === submission);
    this.#waitingBytes.remove(this.#bytes(parked.map(({ item }) => item)));
    const index = this.#waiting.indexOf(submission);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#waitingBytes.remove(this.#bytes(submission.items.slice(submission.taken)));
  }

  #bytes(items: readonly Item[]): number {
    return items.reduce((sum, item) => sum + this.#options.bytesOf(item), 0);
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof UserError && error.reason === "STORE_UNAVAILABLE";
}
