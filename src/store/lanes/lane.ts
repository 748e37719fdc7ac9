import { storeUnavailable, UserError } from "../../users/errors.ts";
import type { Priority } from "../../users/store.ts";
import type { CallRoom } from "./call-room.ts";
import { Fifo } from "./fifo.ts";
import { ItemFailure } from "./item-failure.ts";
import { ParkedItems } from "./parked-items.ts";
import { type Entry, Submission } from "./submission.ts";
import type { WaitingBytes } from "./waiting-bytes.ts";

export interface LaneOptions<Item> {
  readonly bytesOf: (item: Item) => number;
  /** What a submission takes beside its items, in bytes. */
  readonly submissionBytes: number;
  /** Items with the same key are done in order. */
  readonly keyOf: (item: Item) => string;
  /** The pause before a parked item is tried again, and how long it is tried. */
  readonly retryMs: number;
  readonly giveUpMs: number;
}

export interface SubmitOptions {
  /** Items of one priority keep their order; the priorities take turns. */
  readonly priority?: Priority | undefined;
  /** If it aborts, items that are not in a call are withdrawn and the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * One lane: a queue for each priority, what is parked, and the call under way. See lanes.ts for the states of an item.
 * Calls take from the queues in turn, and from each in order, from one submission to the next.
 */
export class Lane<Item, Result> {
  readonly #options: LaneOptions<Item>;
  readonly #waitingBytes: WaitingBytes;
  readonly #onWork: () => void;
  readonly #waiting: Readonly<Record<Priority, Fifo<Submission<Item, Result>>>> = {
    single: new Fifo(),
    import: new Fifo(),
  };
  /** The priority of the next item, if any such waits. */
  #turn: Priority = "single";
  #waitingItems = 0;
  readonly #parked: ParkedItems<Entry<Item, Result>>;
  #underWay: { readonly entries: readonly Entry<Item, Result>[]; readonly done: Promise<void> } | undefined;

  /** @param onWork called when there is something to take */
  constructor(options: LaneOptions<Item>, waitingBytes: WaitingBytes, onWork: () => void) {
    this.#options = options;
    this.#waitingBytes = waitingBytes;
    this.#onWork = onWork;
    this.#parked = new ParkedItems(({ item }) => options.keyOf(item), options.retryMs, onWork);
  }

  /** Whether a call may take something. */
  get isReady(): boolean {
    return this.#underWay === undefined && (this.#waitingItems > 0 || this.#parked.isDue);
  }

  /** Whether nothing waits, is parked or is under way. */
  get isIdle(): boolean {
    return this.#underWay === undefined && this.#waitingItems === 0 && this.#parked.size === 0;
  }

  /** How many items wait in the queues. */
  get waitingItems(): number {
    return this.#waitingItems;
  }

  /**
   * @param items one at least
   * @throws UserError STORE_UNAVAILABLE if this call or the one that it waited for met it, or an item was parked for too
   * long; else what the call rejects with, once any of the items failed
   */
  submit(items: readonly Item[], { priority = "single", signal }: SubmitOptions = {}): Promise<readonly Result[]> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const submission = new Submission<Item, Result>(items, priority, signal, (failed) => this.#withdraw(failed));
    submission.place = this.#waiting[priority].push(submission);
    this.#waitingItems += items.length;
    this.#waitingBytes.add(this.#options.submissionBytes + this.#bytes(items));
    this.#onWork();
    return submission.answer;
  }

  /** Takes as many items as a call has room for: parked ones that are due, then those that wait. */
  take(room: CallRoom): Entry<Item, Result>[] {
    let bytes = 0;
    const fits = ({ item }: Entry<Item, Result>) => {
      const size = this.#options.bytesOf(item);
      if (!room.takes(size)) return false;
      bytes += size;
      return true;
    };
    if (this.#parked.isDue) this.#giveUpOld();
    const taken = this.#parked.takeDue(fits);
    for (let entry = this.#next(); entry !== undefined; entry = this.#next()) {
      const { submission } = entry;
      if (this.#parked.holdsUp(entry)) this.#parked.add(entry);
      else if (fits(entry)) taken.push(entry);
      else break;
      submission.taken++;
      this.#waitingItems--;
      if (submission.taken === submission.items.length) {
        this.#waiting[submission.priority].shift();
        bytes += this.#options.submissionBytes;
      }
      this.#turn = submission.priority === "single" ? "import" : "single";
    }
    this.#waitingBytes.remove(bytes);
    return taken;
  }

  /** The item whose turn it is. */
  #next(): Entry<Item, Result> | undefined {
    const { single, import: imported } = this.#waiting;
    const first = this.#turn === "single" ? (single.first ?? imported.first) : (imported.first ?? single.first);
    return first?.next();
  }

  /** @param done resolves, at the end of a call with entries that were taken here, after `end` */
  begin(entries: readonly Entry<Item, Result>[], done: Promise<void>): void {
    this.#underWay = { entries, done };
  }

  /** After the call is over, and its entries are settled. */
  end(): void {
    this.#underWay = undefined;
  }

  /** @param results of the entries; undefined for one that the store postponed */
  settle(entries: readonly Entry<Item, Result>[], results: readonly (Result | ItemFailure | undefined)[]): void {
    this.#park(entries.filter(({ submission }, at) => results[at] === undefined && !submission.isSettled));
    entries.forEach(({ submission, index }, at) => {
      const result = results[at];
      if (result instanceof ItemFailure) submission.fail(result.reason);
      else if (result !== undefined) submission.setResult(index, result);
    });
  }

  /** Fails the submissions of a call; during an outage also those that wait, since each would take as long to fail. */
  fail(entries: readonly Entry<Item, Result>[], error: unknown): void {
    for (const { submission } of entries) submission.fail(error);
    if (!isOutage(error)) return;
    for (let entry = this.#next(); entry !== undefined; entry = this.#next()) entry.submission.fail(error);
  }

  /** Resolves once none of the items of a failed submission is in a call any more. */
  async untilDone(items: readonly Item[]): Promise<void> {
    if (this.#underWay?.entries.some(({ submission }) => submission.items === items)) await this.#underWay.done;
  }

  #park(entries: readonly Entry<Item, Result>[]): void {
    if (entries.length === 0) return;
    this.#waitingBytes.add(this.#bytes(entries.map(({ item }) => item)));
    this.#parked.putBack(entries);
  }

  #giveUpOld(): void {
    for (const { submission } of this.#parked.olderThan(this.#options.giveUpMs)) {
      submission.fail(storeUnavailable(new Error("a user's part of the store has been on the move for too long")));
    }
  }

  #withdraw(submission: Submission<Item, Result>): void {
    const parked = this.#parked.remove((entry) => entry.submission === submission);
    this.#waitingBytes.remove(this.#bytes(parked.map(({ item }) => item)));
    if (submission.taken < submission.items.length) {
      if (submission.place !== undefined) this.#waiting[submission.priority].remove(submission.place);
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
