/**
 * Lanes let work that arrives together travel together. A lane is a queue in front of the store that has at most one call
 * under way; what arrives meanwhile makes up its next call. Items with the same key always go to the same lane, so those of
 * one priority stay in order. An item:
 *
 *     submit ──▶ waiting ──────▶ in a call ──────▶ done, or failed with the call
 *                   │             │     ▲
 *                   │   postponed │     │ after retryMs
 *                   │             ▼     │
 *                   └──────────▶ parked ┘ ───────▶ failed with STORE_UNAVAILABLE after giveUpMs
 *                 behind a parked item
 *                 with the same key
 *
 * What waits or is parked is withdrawn if its caller gives up, or another item of the same submission fails.
 */
import { overloaded } from "../../users/errors.ts";
import { whenAborted } from "../../users/when-aborted.ts";
import { eachShare, type Share, sharesOf } from "../shares.ts";
import { CallRoom } from "./call-room.ts";
import type { ItemFailure } from "./item-failure.ts";
import { Lane, type LaneOptions, type SubmitOptions } from "./lane.ts";
import type { Entry } from "./submission.ts";
import { WaitingBytes } from "./waiting-bytes.ts";

export interface LanesOptions<Item, Result> extends LaneOptions<Item> {
  /** How many lanes there are. */
  readonly lanes: number;
  /** The lane of a key, from 0. */
  readonly laneOf: (key: string) => number;
  /**
   * Whether one call may hold items of several lanes, as when all lanes lead to one server. Then calls stay few and large:
   * while a call is under way, another starts only for a lane in which enough waits.
   */
  readonly mixed: boolean;
  /**
   * Does the work for one list. Resolves with results in the order of the items, undefined for an item that is postponed.
   * If it rejects, all items fail.
   */
  readonly call: (items: readonly Item[]) => Promise<readonly (Result | ItemFailure | undefined)[]>;
  /** The most that one call takes. A single item with more bytes is a call of its own. */
  readonly maxCallItems: number;
  readonly maxCallBytes: number;
  /** The most that waits in all lanes together; more is refused. */
  readonly maxWaitingBytes: number;
}

/** A lane has a call of its own if at least this share of a full call waits in it. */
const enoughShare = 0.5;

interface Part<Item, Result> {
  readonly lane: Lane<Item, Result>;
  readonly entries: readonly Entry<Item, Result>[];
}

export class Lanes<Item, Result> {
  readonly #options: LanesOptions<Item, Result>;
  readonly #waitingBytes: WaitingBytes;
  readonly #lanes: readonly Lane<Item, Result>[];
  #scheduled = false;
  /** The lane from which a mixed call takes first; lanes take turns. */
  #turn = 0;
  #callsUnderWay = 0;
  /** Calls that have ended since the last mixed one. A lane in which little waits need not wait for more than this. */
  #callsSinceMixed = 0;
  #onIdle: (() => void)[] = [];

  constructor(options: LanesOptions<Item, Result>) {
    this.#options = options;
    this.#waitingBytes = new WaitingBytes(options.maxWaitingBytes);
    const onWork = () => this.#schedule();
    this.#lanes = Array.from({ length: options.lanes }, () => new Lane(options, this.#waitingBytes, onWork));
  }

  /**
   * @returns results in the order of the items
   * @throws UserError OVERLOADED if too much is waiting; else what a lane rejects with, once an item has failed and none of
   * the others is under way
   */
  async submit(items: readonly Item[], options: SubmitOptions = {}): Promise<readonly Result[]> {
    options.signal?.throwIfAborted();
    if (items.length === 0) return [];
    const { bytesOf, submissionBytes } = this.#options;
    const bytes = items.reduce((sum, item) => sum + bytesOf(item), submissionBytes);
    if (!this.#waitingBytes.hasRoomFor(bytes)) throw overloaded();
    const shares = sharesOf(items, (item) => this.#laneOf(item));
    const [only] = shares;
    return only !== undefined && shares.length === 1
      ? only.key.submit(items, options)
      : this.#submitShares(shares, options);
  }

  /** Resolves once nothing waits, is parked or is under way. */
  async idle(): Promise<void> {
    while (!this.#lanes.every(({ isIdle }) => isIdle)) {
      await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    }
  }

  /** What is submitted in the same tick joins the same call. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#startCalls();
      for (const resolve of this.#onIdle.splice(0)) resolve();
    });
  }

  #startCalls(): void {
    const { mixed, maxCallItems } = this.#options;
    if (mixed && (this.#callsUnderWay === 0 || this.#callsSinceMixed >= this.#lanes.length)) {
      const first = this.#turn++ % this.#lanes.length;
      this.#startCall([...this.#lanes.slice(first), ...this.#lanes.slice(0, first)].filter(({ isReady }) => isReady));
      this.#callsSinceMixed = 0;
    }
    const enough = mixed ? maxCallItems * enoughShare : 0;
    for (const lane of this.#lanes) if (lane.isReady && lane.waitingItems >= enough) this.#startCall([lane]);
  }

  /** Starts a call with what waits in the first lane, and with the other lanes of which it can take all. */
  #startCall(lanes: readonly Lane<Item, Result>[]): void {
    const room = new CallRoom(this.#options.maxCallItems, this.#options.maxCallBytes);
    const parts: Part<Item, Result>[] = [];
    for (const lane of lanes) {
      if (parts.length > 0 && lane.waitingItems > room.items) continue;
      const entries = lane.take(room);
      if (entries.length > 0) parts.push({ lane, entries });
    }
    if (parts.length === 0) return;
    this.#callsUnderWay++;
    const done = this.#call(parts);
    for (const { lane, entries } of parts) lane.begin(entries, done);
  }

  async #call(parts: readonly Part<Item, Result>[]): Promise<void> {
    const entries = parts.flatMap((part) => part.entries);
    try {
      const results = await this.#options.call(entries.map(({ item }) => item));
      if (results.length !== entries.length) throw new Error("a call did not answer a result for each item");
      let first = 0;
      for (const { lane, entries } of parts) {
        lane.settle(entries, parts.length === 1 ? results : results.slice(first, first + entries.length));
        first += entries.length;
      }
    } catch (error) {
      for (const { lane, entries } of parts) lane.fail(entries, error);
    }
    for (const { lane } of parts) lane.end();
    this.#callsUnderWay--;
    this.#callsSinceMixed++;
    this.#schedule();
  }

  /** When one lane fails, withdraws the items from the others, and waits for those that are in a call. */
  async #submitShares(
    shares: readonly Share<Item, Lane<Item, Result>>[],
    { priority, signal }: SubmitOptions,
  ): Promise<readonly Result[]> {
    const failed = new AbortController();
    const unlink = signal && whenAborted(signal, (reason) => failed.abort(reason));
    try {
      return await eachShare(shares, async (share, lane) => {
        try {
          return await lane.submit(share, { priority, signal: failed.signal });
        } catch (error) {
          failed.abort(error);
          // A caller that gave up does not care; one that is told of a failure may write again, which must come later.
          if (!signal?.aborted) await lane.untilDone(share);
          throw failed.signal.reason;
        }
      });
    } finally {
      unlink?.();
    }
  }

  #laneOf(item: Item): Lane<Item, Result> {
    const { keyOf, laneOf } = this.#options;
    const index = laneOf(keyOf(item));
    const lane = this.#lanes[index];
    if (lane === undefined) throw new RangeError(`there is no lane ${index}`);
    return lane;
  }
}
