import { overloaded } from "../users/errors.ts";
import { Lane, type LaneOptions } from "./lane.ts";
import { WaitingBytes } from "./waiting-bytes.ts";

export interface LanesOptions<Item, Result> extends LaneOptions<Item, Result> {
  /** How many lanes there are. */
  readonly lanes: number;
  /** The lane of a key, from 0. */
  readonly laneOf: (key: string) => number;
  /** The most that waits in all lanes together; beyond it, submissions are refused. */
  readonly maxWaitingBytes: number;
}

/** Lanes side by side: items with the same key are in the same lane, and so keep their order. */
export class Lanes<Item, Result> {
  readonly #options: LanesOptions<Item, Result>;
  readonly #waitingBytes: WaitingBytes;
  readonly #lanes: readonly Lane<Item, Result>[];

  constructor(options: LanesOptions<Item, Result>) {
    this.#options = options;
    this.#waitingBytes = new WaitingBytes(options.maxWaitingBytes);
    this.#lanes = Array.from({ length: options.lanes }, () => new Lane(options, this.#waitingBytes));
  }

  /**
   * @param signal if it aborts, items that are not under way are taken back and the promise rejects with its reason
   * @returns results in the order of the items
   * @throws UserError OVERLOADED if too much is waiting; else what a lane rejects with, once any of the items failed and
   * none of the others is under way
   */
  async submit(items: readonly Item[], signal?: AbortSignal): Promise<readonly Result[]> {
    signal?.throwIfAborted();
    if (items.length === 0) return [];
    const bytes = items.reduce((sum, item) => sum + this.#options.bytesOf(item), 0);
    if (!this.#waitingBytes.hasRoomFor(bytes)) throw overloaded();
    const shares = this.#share(items);
    const [only] = shares;
    if (only !== undefined && shares.size === 1) return this.#lane(only[0]).submit(items, signal);
    return this.#submitShares(items, shares, signal);
  }

  /** Resolves once nothing waits or is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.idle()));
  }

  /** Which items belong to each lane. */
  #share(items: readonly Item[]): ReadonlyMap<number, readonly number[]> {
    const { keyOf, laneOf } = this.#options;
    const shares = new Map<number, number[]>();
    for (const [index, item] of items.entries()) {
      const lane = this.#lanes.length === 1 ? 0 : laneOf(keyOf(item));
      const share = shares.get(lane);
      if (share === undefined) shares.set(lane, [index]);
      else share.push(index);
    }
    return shares;
  }

  /** What fails in one lane is taken back from the others, or waited for where it is under way. */
  async #submitShares(
    items: readonly Item[],
    shares: ReadonlyMap<number, readonly number[]>,
    signal: AbortSignal | undefined,
  ): Promise<readonly Result[]> {
    const failed = new AbortController();
    const onAbort = () => failed.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const results = new Array<Result>(items.length);
    const parts = [...shares].map(([lane, indices]) => ({
      lane: this.#lane(lane),
      indices,
      share: indices.map((index) => items[index] as Item),
    }));
    const submitted = parts.map(async ({ lane, indices, share }) => {
      const answers = await lane.submit(share, failed.signal);
      for (const [at, index] of indices.entries()) results[index] = answers[at] as Result;
    });
    try {
      await Promise.all(submitted);
    } catch (error) {
      failed.abort(error);
      // Who gives up knows that what is under way may still be done; who is told of a failure writes again.
      if (!signal?.aborted) await Promise.all(parts.map(({ lane, share }) => lane.overFor(share)));
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    return results;
  }

  #lane(index: number): Lane<Item, Result> {
    const lane = this.#lanes[index];
    if (lane === undefined) throw new RangeError(`there is no lane ${index}`);
    return lane;
  }
}
