/**
 * Does a store's background work in slices, so that calls never wait long for it. Of all servers of a store, one works at a time:
 *
 *     waiting ── the lease is free, or has not been renewed for a while ──> leading ── another has the lease ──> waiting
 *
 * The leader goes over all partitions, slice by slice, and rests. Where it stopped stands in the store, so the next leader goes on from
 * there. Two leaders at once do no harm: a slice is one atomic step, and is applied only where the one before it ended.
 *
 * A lease has no times, because clocks differ. Its holder changes it again and again; who sees it unchanged for long enough, by its own
 * clock, takes it over.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

/** What a slice has done. */
export interface Slice {
  /** What the work is for, such as "seal"; undefined if there was none. */
  readonly work: string | undefined;
  /** How many users or entries it has looked at. */
  readonly items: number;
  /** How far the work in the partition is, from 0 to 1; undefined if that is not known. */
  readonly share?: number;
  /** Whether nothing more is to be done in the partition, for now. */
  readonly isDone: boolean;
  /** Whether it is a part of building an index, for which somebody waits. */
  readonly isBuild?: boolean;
}

/** A store with background work. */
export interface SweptStore {
  readonly partitions: number;
  /** Empty if nobody has it. */
  readLease(): Promise<string>;
  /** @returns whether the lease was as expected, and is `next` now */
  setLease(expected: string, next: string): Promise<boolean>;
  /** Does the next slice of a partition's work. */
  sweep(partition: number): Promise<Slice>;
  /** Called when every partition is done. @returns whether they still are: a failover may have undone the work */
  onAllDone(): Promise<boolean>;
  /** Changes when there may be new work. */
  readonly generation: number | undefined;
}

export interface SweepTimes {
  /** How long a lease lasts that is not renewed. */
  readonly leaseMs: number;
  /** The pause between two looks at the lease of another, and before what failed is tried again. */
  readonly lookMs: number;
  /** The pause after all partitions are done, unless the configuration changes. */
  readonly restMs: number;
  /** A slice is followed by a pause of so many times its length. */
  readonly pauseRatio: number;
  /** The same of slices that build an index. */
  readonly buildPauseRatio: number;
  /** How long writes of a server that did not know a new configuration may still be under way. */
  readonly settleMs: number;
}

const usualTimes: SweepTimes = {
  leaseMs: 15_000,
  lookMs: 3_000,
  restMs: 60_000,
  pauseRatio: 9,
  buildPauseRatio: 0.5,
  settleMs: 2_000,
};
const leastPauseMs = 5;
/** How often a lease is renewed while it lasts. */
const renewals = 5;
const wakeMs = 500;

export interface SweepEvents {
  /** Called after each slice. @param share how much of the pass is done, from 0 to 1 */
  onSlice(slice: Slice, share: number): void;
  /** Called with what kept a slice from being done. It is tried again with the next pass. */
  onFailure(failure: unknown): void;
}

export class Sweeper {
  readonly #store: SweptStore;
  readonly #events: SweepEvents;
  readonly #times: SweepTimes;
  readonly #name = randomBytes(8).toString("hex");
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #beat = 0;
  /** The lease as this process last set it; undefined while it does not lead. */
  #held: string | undefined;
  #renewedAt = 0;
  /** The lease of another, and since when it has been so. */
  #seen = { lease: "", since: 0 };

  constructor(store: SweptStore, events: SweepEvents, times: SweepTimes = usualTimes) {
    this.#store = store;
    this.#events = events;
    this.#times = times;
    this.#running = this.#run();
  }

  /** Resolves once no slice is under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const { generation } = this.#store;
      let isDone = false;
      try {
        isDone = (await this.#leads()) && (await this.#pass(generation));
      } catch (error) {
        this.#events.onFailure(error);
      }
      await this.#rest(isDone ? this.#times.restMs : this.#times.lookMs, generation);
    }
    if (this.#held !== undefined) await this.#store.setLease(this.#held, "").catch(() => {});
  }

  /** Renews the lease, or takes it if it is free. @returns whether this process leads now */
  async #leads(): Promise<boolean> {
    const { leaseMs } = this.#times;
    const now = performance.now();
    if (this.#held !== undefined) {
      if (now - this.#renewedAt < leaseMs / renewals) return true;
      return this.#take(this.#held);
    }
    const lease = await this.#store.readLease();
    if (lease !== this.#seen.lease) this.#seen = { lease, since: now };
    return (lease === "" || now - this.#seen.since >= leaseMs) && this.#take(lease);
  }

  async #take(expected: string): Promise<boolean> {
    const next = `${this.#name}.${++this.#beat}`;
    // Before it is sent: the lease lasts no longer than others think.
    this.#renewedAt = performance.now();
    this.#held = (await this.#store.setLease(expected, next)) ? next : undefined;
    return this.#held !== undefined;
  }

  /** Goes over all partitions, until the configuration is of another generation. @returns whether all are done */
  async #pass(generation: number | undefined): Promise<boolean> {
    const { partitions } = this.#store;
    await this.#pause(this.#times.settleMs);
    let done = 0;
    for (let partition = 0; partition < partitions; partition++) {
      let isBuild = false;
      for (let isDone = false; !isDone; ) {
        if (this.#stop.signal.aborted || !(await this.#leads()) || this.#store.generation !== generation) return false;
        const startedAt = performance.now();
        try {
          const slice = await this.#store.sweep(partition);
          isDone = slice.isDone;
          isBuild = slice.isBuild ?? false;
          if (isDone) done++;
          this.#events.onSlice(slice, (isDone ? done : done + (slice.share ?? 0)) / partitions);
        } catch (error) {
          this.#events.onFailure(error);
          break;
        }
        const tookMs = performance.now() - startedAt;
        const { pauseRatio, buildPauseRatio } = this.#times;
        await this.#pause(isBuild ? buildPauseRatio * tookMs : Math.max(leastPauseMs, pauseRatio * tookMs));
      }
    }
    if (done < partitions) return false;
    return this.#store.onAllDone();
  }

  /** Waits, until there may be new work: the configuration is no longer of the generation that the last pass was for. */
  async #rest(ms: number, generation: number | undefined): Promise<void> {
    const until = performance.now() + ms;
    while (!this.#stop.signal.aborted && performance.now() < until && this.#store.generation === generation) {
      await this.#pause(Math.max(0, Math.min(wakeMs, until - performance.now())));
      if (this.#held !== undefined) await this.#leads().catch(this.#events.onFailure);
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal, ref: false }).catch(() => {});
  }
}
