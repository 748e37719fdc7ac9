/** Redis' slow log: how long scripts held up others. */
import type { Redis } from "ioredis";

/** The settings that log every script, and leave out the commands within one, which take a few microseconds each. */
export const slowLogSettings = { "slowlog-log-slower-than": "50", "slowlog-max-len": "1000000" } as const;

/** @param isCounted by the digest of a script. @returns how long each run took, in microseconds, in order */
export async function scriptDurations(redis: Redis, isCounted: (sha: string) => boolean): Promise<number[]> {
  const entries: unknown = await redis.slowlog("GET", "-1");
  const durations: number[] = [];
  for (const entry of Array.isArray(entries) ? entries : []) {
    const [, , micros, words]: unknown[] = Array.isArray(entry) ? entry : [];
    if (!Array.isArray(words) || String(words[0]).toUpperCase() !== "EVALSHA") continue;
    if (isCounted(String(words[1]))) durations.push(Number(micros));
  }
  return durations.sort((a, b) => a - b);
}

/** A share of durations in order, such as 0.99 for the 99th percentile. @returns milliseconds, for a table */
export function millisecondsAt(durations: readonly number[], share: number): string {
  return ((durations[Math.floor((durations.length - 1) * share)] ?? 0) / 1_000).toFixed(2);
}
