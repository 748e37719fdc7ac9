import { setTimeout as pause } from "node:timers/promises";

/** The clock and the random source. */
export interface Timing {
  /** Milliseconds; only differences count. */
  readonly now: () => number;
  /** From 0 to 1, without 1. */
  readonly random: () => number;
  /** Rejects when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

export const systemTiming: Timing = {
  now: () => performance.now(),
  random: Math.random,
  wait: (ms, signal) => pause(ms, undefined, signal === undefined ? {} : { signal }),
};

/** How long to wait between attempts, in milliseconds. */
export interface Backoff {
  /** The longest wait after the first failure; it doubles with each further one. */
  readonly baseDelayMs: number;
  /** The longest wait of all. */
  readonly maxDelayMs: number;
}

/**
 * Exponential backoff with full jitter: a random wait up to the longest, so that clients that failed together do not
 * return together. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * @param failures in a row, from 1
 * @param leastMs added to the random wait
 */
export function backoffMs(
  { baseDelayMs, maxDelayMs }: Backoff,
  failures: number,
  leastMs: number,
  random: () => number,
): number {
  return leastMs + random() * Math.min(maxDelayMs, baseDelayMs * 2 ** (failures - 1));
}
