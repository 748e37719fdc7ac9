import { setTimeout as pause } from "node:timers/promises";

/** Where time and chance come from. */
export interface Timing {
  /** Milliseconds, from any beginning. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Rejects when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

export const systemTiming: Timing = {
  now: () => performance.now(),
  random: Math.random,
  wait: (ms, signal) => pause(ms, undefined, signal === undefined ? {} : { signal }),
};

/** How long to wait between attempts. */
export interface Backoff {
  /** The most that is waited after a first failure; it doubles with each further one. */
  readonly baseDelayMs: number;
  /** What it does not grow beyond. */
  readonly maxDelayMs: number;
}

/**
 * Exponential backoff with full jitter: anything from nothing to the most there is to wait, so that those who failed
 * together do not come back together. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * @param failures in a row, from 1
 * @param leastMs what is waited in any case
 */
export function backoffMs(
  { baseDelayMs, maxDelayMs }: Backoff,
  failures: number,
  leastMs: number,
  random: () => number,
): number {
  return leastMs + random() * Math.min(maxDelayMs, baseDelayMs * 2 ** (failures - 1));
}
