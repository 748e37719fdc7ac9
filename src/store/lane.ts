import { overloaded, UserError } from "../users/errors.ts";

interface Submission<Item, Result> {
  readonly items: readonly Item[];
  readonly results: Result[];
  /** How many of the items have been handed to a call. */
  taken: number;
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (reason: unknown) => void;
  settled: boolean;
}

export interface LaneOptions<Item, Result> {
  /** Does the work for one list; results in the order of the items. */
  readonly call: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly bytesOf: (item: Item) => number;
  /** The most one call takes. A single item larger than the bytes is a call of its own. */
  readonly maxCallItems: number;
  readonly maxCallBytes: number;
  /** The most that waits; beyond it, submissions are refused. */
  readonly maxWaitingBytes: number;
}

/**
 * Lets work that arrives together travel together: one call is under way at a time, and what arrives meanwhile makes
 * up the next. Order is kept, from one submission to the next and within each.
 */
export class Lane<Item, Result> {
  readonly #options: LaneOptions<Item, Result>;
  readonly #waiting: Submission<Item, Result>[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;

  constructor(options: LaneOptions<Item, Result>) {
    this.#options = options;
  }

  /**
   * @param signal if it aborts, items that are not under way are taken back and the promise rejects with its reason
   * @throws UserError OVERLOADED if too much is waiting; STORE_UNAVAILABLE if that befell this call or the one it waited
   * for; else what the call rejects with, once any of the items failed
   */
  submit(items: readonly Item[], signal?: AbortSignal): Promise<readonly Result[]> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (items.length === 0) return Promise.resolve([]);
    const bytes = this.#bytes(items);
    if (this.#waiting.length > 0 && this.#waitingBytes + bytes > this.#options.maxWaitingBytes) {
      return Promise.reject(overloaded());
    }
    return new Promise((resolve, reject) => {
      const submission: Submission<Item, Result> = {
        items,
        results: [],
        taken: 0,
        settled: false,
        resolve: (results) => {
          signal?.removeEventListener("abort", onAbort);
          submission.settled = true;
          resolve(results);
        },
        reject: (reason) => {
          signal?.removeEventListener("abort", onAbort);
          submission.settled = true;
          this.#withdraw(submission);
          reject(reason);
        },
      };
      const onAbort = () => submission.reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(submission);
      this.#waitingBytes += bytes;
      this.#running ??= this.#run();
    });
  }

  /** Resolves once nothing waits or is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // What is submitted in the same tick joins the first call.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const parts = this.#take();
      try {
        const items = parts.flatMap(({ submission, from, to }) => submission.items.slice(from, to));
        const results = await this.#options.call(items);
        let next = 0;
        for (const { submission, from, to } of parts) {
          for (let index = from; index < to; index++) {
            const result = results[next++];
            if (result === undefined) throw new Error("a call answered fewer results than it was given items");
            submission.results.push(result);
          }
        }
        for (const { submission } of parts) {
          if (!submission.settled && submission.results.length === submission.items.length) {
            submission.resolve(submission.results);
          }
        }
      } catch (error) {
        for (const { submission } of parts) if (!submission.settled) submission.reject(error);
        // What waits would wait as long again, one call after the other.
        if (isOutage(error)) for (const submission of [...this.#waiting]) submission.reject(error);
      }
    }
    this.#running = undefined;
  }

  /** Takes the next call's items from the head of the queue. */
  #take(): { submission: Submission<Item, Result>; from: number; to: number }[] {
    const { bytesOf, maxCallItems, maxCallBytes } = this.#options;
    const parts: { submission: Submission<Item, Result>; from: number; to: number }[] = [];
    let count = 0;
    let bytes = 0;
    for (;;) {
      const submission = this.#waiting[0];
      if (submission === undefined) return parts;
      const from = submission.taken;
      let full = false;
      for (const item of submission.items.slice(from)) {
        const size = bytesOf(item);
        full = count >= maxCallItems || (count > 0 && bytes + size > maxCallBytes);
        if (full) break;
        submission.taken++;
        count++;
        bytes += size;
        this.#waitingBytes -= size;
      }
      if (submission.taken > from) parts.push({ submission, from, to: submission.taken });
      if (full) return parts;
      this.#waiting.shift();
    }
  }

  #withdraw(submission: Submission<Item, Result>): void {
    const index = this.#waiting.indexOf(submission);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#waitingBytes -= this.#bytes(submission.items.slice(submission.taken));
  }

  #bytes(items: readonly Item[]): number {
    return items.reduce((sum, item) => sum + this.#options.bytesOf(item), 0);
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof UserError && error.reason === "STORE_UNAVAILABLE";
}
