import { storeUnavailable, UserError } from "../../users/errors.ts";
import type { Way } from "../../users/store.ts";
import { whenAborted } from "../../users/when-aborted.ts";
import type { CallRoom } from "./call-room.ts";
import { Fifo, type Place } from "./fifo.ts";
import { ItemFailure } from "./item-failure.ts";
import { ParkedItems } from "./parked-items.ts";
import type { WaitingBytes } from "./waiting-bytes.ts";

export interface LaneOptions<Item> {
  readonly bytesOf: (item: Item) => number;
  /** What a submission takes beside its items, in bytes. */
  readonly submissionBytes: number;
  /** Items with the same key are done in order. */
  readonly keyOf: (item: Item) => string;
  /** An item that cannot be done yet is tried again so often, and given up in the end. */
  readonly retryMs: number;
  readonly giveUpMs: number;
}

export interface SubmitOptions {
  /** Among items of one way the order is kept; each way has its turn. */
  readonly way?: Way | undefined;
  /** If it aborts, items that are not under way are taken back and the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

interface Submission<Item, Result> {
  readonly items: readonly Item[];
  readonly way: Way;
  readonly results: Result[];
  /** In the queue. */
  place: Place<Submission<Item, Result>> | undefined;
  /** How many of the items have left the queue. */
  taken: number;
  /** How many have no result yet. */
  missing: number;
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (reason: unknown) => void;
  settled: boolean;
}

/** An item of a submission. */
export interface Entry<Item, Result> {
  readonly submission: Submission<Item, Result>;
  readonly index: number;
  readonly item: Item;
}

/**
 * Queues of which one call at a time takes items, those of each way in order, from one submission to the next and within
 * each; from the queues of both ways in turn. An item that cannot be done yet is parked, and lets by those with other
 * keys.
 */
export class Lane<Item, Result> {
  readonly #options: LaneOptions<Item>;
  readonly #waitingBytes: WaitingBytes;
  readonly #onWork: () => void;
  readonly #waiting: Readonly<Record<Way, Fifo<Submission<Item, Result>>>> = {
    single: new Fifo(),
    import: new Fifo(),
  };
  /** The way of which the next item is, if any waits. */
  #turn: Way = "single";
  #waitingItems = 0;
  readonly #parked: ParkedItems<Entry<Item, Result>>;
  #retry: NodeJS.Timeout | undefined;
  #retryDue = false;
  #underWay: { readonly entries: readonly Entry<Item, Result>[]; readonly done: Promise<void> } | undefined;

  /** @param onWork called when there is something to take */
  constructor(options: LaneOptions<Item>, waitingBytes: WaitingBytes, onWork: () => void) {
    this.#options = options;
    this.#waitingBytes = waitingBytes;
    this.#onWork = onWork;
    this.#parked = new ParkedItems(({ item }) => options.keyOf(item));
  }

  /** Whether a call may take something. */
  get isReady(): boolean {
    return this.#underWay === undefined && (this.#waitingItems > 0 || (this.#retryDue && this.#parked.size > 0));
  }

  /** Whether nothing waits or is under way. */
  get isIdle(): boolean {
    return this.#underWay === undefined && this.#waitingItems === 0 && this.#parked.size === 0;
  }

  /** How many items wait that have not been tried. */
  get waitingItems(): number {
    return this.#waitingItems;
  }

  /**
   * @param items one at least
   * @throws UserError STORE_UNAVAILABLE if that befell this call or the one it waited for, or an item could not be done
   * in time; else what the call rejects with, once any of the items failed
   */
  submit(items: readonly Item[], { way = "single", signal }: SubmitOptions = {}): Promise<readonly Result[]> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const submission: Submission<Item, Result> = {
        items,
        way,
        results: new Array(items.length),
        place: undefined,
        taken: 0,
        missing: items.length,
        settled: false,
        resolve: (results) => {
          unlink?.();
          submission.settled = true;
          resolve(results);
        },
        reject: (reason) => {
          if (submission.settled) return;
          unlink?.();
          submission.settled = true;
          this.#withdraw(submission);
          reject(reason);
        },
      };
      const unlink = signal && whenAborted(signal, submission.reject);
      submission.place = this.#waiting[way].push(submission);
      this.#waitingItems += items.length;
      this.#waitingBytes.add(this.#options.submissionBytes + this.#bytes(items));
      this.#onWork();
    });
  }

  /** Takes items for a call, as many as there is room for: parked ones that are to be tried again, then those that wait. */
  take(room: CallRoom): Entry<Item, Result>[] {
    const taken: Entry<Item, Result>[] = [];
    let bytes = 0;
    const fits = (item: Item) => {
      const size = this.#options.bytesOf(item);
      if (!room.takes(size)) return false;
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
    for (let submission = this.#next(); submission !== undefined; submission = this.#next()) {
      const item = submission.items[submission.taken] as Item;
      const entry = { submission, index: submission.taken, item };
      if (this.#parked.holdsUp(entry)) this.#parked.add(entry);
      else if (fits(item)) taken.push(entry);
      else break;
      submission.taken++;
      this.#waitingItems--;
      if (submission.taken === submission.items.length) {
        this.#waiting[submission.way].shift();
        bytes += this.#options.submissionBytes;
      }
      this.#turn = submission.way === "single" ? "import" : "single";
    }
    this.#waitingBytes.remove(bytes);
    return taken;
  }

  /** The submission whose turn it is. */
  #next(): Submission<Item, Result> | undefined {
    const { single, import: imported } = this.#waiting;
    return this.#turn === "single" ? (single.first ?? imported.first) : (imported.first ?? single.first);
  }

  /** @param done resolves, at the end of a call with entries that were taken here, after `end` */
  begin(entries: readonly Entry<Item, Result>[], done: Promise<void>): void {
    this.#underWay = { entries, done };
  }

  /** After the call is over, and its entries are settled. */
  end(): void {
    this.#underWay = undefined;
    this.#retryLater();
  }

  /** @param results of the entries; undefined for one that cannot be done yet */
  settle(entries: readonly Entry<Item, Result>[], results: readonly (Result | ItemFailure | undefined)[]): void {
    const postponed = entries.filter(({ submission }, at) => results[at] === undefined && !submission.settled);
    this.#park(postponed);
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at];
      const result = results[at];
      if (entry === undefined || result === undefined) continue;
      const { submission, index } = entry;
      if (result instanceof ItemFailure) {
        submission.reject(result.reason);
        continue;
      }
      submission.results[index] = result;
      submission.missing--;
      if (submission.missing === 0 && !submission.settled) submission.resolve(submission.results);
    }
  }

  /** Fails the submissions of some entries; where the store is away, those that wait too, each call as long again. */
  fail(entries: readonly Entry<Item, Result>[], error: unknown): void {
    for (const { submission } of entries) submission.reject(error);
    if (!isOutage(error)) return;
    for (let submission = this.#next(); submission !== undefined; submission = this.#next()) submission.reject(error);
  }

  /** Resolves once none of the items of a submission that was rejected is under way any more. */
  async overFor(items: readonly Item[]): Promise<void> {
    if (this.#underWay?.entries.some(({ submission }) => submission.items === items)) await this.#underWay.done;
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
      this.#onWork();
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
    if (submission.taken < submission.items.length) {
      if (submission.place !== undefined) this.#waiting[submission.way].remove(submission.place);
      const untried = submission.items.slice(submission.taken);
      this.#waitingItems -= untried.length;
      this.#waitingBytes.remove(this.#options.submissionBytes + this.#bytes(untried));
    }
    this.#onWork();
  }

  #bytes(items: readonly Item[]): number {
    return items.reduce((sum, item) => sum + this.#options.bytesOf(item), 0);
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof UserError && error.reason === "STORE_UNAVAILABLE";
}
