/** What an operator does about the features of a store, and sees. */
import type { Redis } from "ioredis";
import { expect } from "vitest";
import type { RollcallClient } from "../../src/client/index.ts";
import { createKeys, everyPartition } from "../../src/store/redis/keys.ts";
import { rollcall } from "../support/processes.ts";
import type { TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const keys = createKeys("rollcall:");
export const confirmed = ["--all-servers-are", "0.2"] as const;

/** Commands that switch a feature on and off. */
export interface Switched {
  readonly on: readonly string[];
  readonly off: readonly string[];
}

export const switched = {
  rehearsal: { on: ["config", "enable", "rehearsal"], off: ["config", "disable", "rehearsal"] },
  indexes: { on: ["indexes", "set", "email:fold,plan"], off: ["indexes", "drop", "email", "plan"] },
} as const satisfies Record<string, Switched>;

/** Background work begins two seconds after a change, and leaves most of the processor to others, however busy it is. */
export const sweepTimeoutMs = 60_000;

/** Runs `rollcall config`. */
export function config(store: string, ...words: readonly string[]) {
  return configure(store, ["config", ...words]);
}

/** Runs a command that shows or changes the configuration. */
export async function configure(store: string, words: readonly string[]) {
  const { status, stdout, stderr } = await rollcall([...words, "--store", store]);
  return { status, answer: stdout === "" ? undefined : JSON.parse(stdout), stderr };
}

/** Waits until no feature is on, as after the last index is gone. @returns the generation since which it is so */
export async function allOff(store: string): Promise<number> {
  return until(async () => {
    const { answer } = await config(store, "show");
    expect(answer.indexes).toEqual([]);
    for (const { enabled } of answer.features) expect(enabled).toBe(false);
    return answer.generation;
  }, sweepTimeoutMs);
}

/** Waits until each server knows the generation, or a later one. @returns the features that they know then */
export async function featuresOf(clients: Iterable<RollcallClient>, generation: number): Promise<string[][]> {
  return Promise.all(
    [...clients].map(async (client) => {
      await until(async () => (await client.getRegistry({})).generation >= generation);
      return (await client.getRegistry({})).features;
    }),
  );
}

/** Waits until every user in a store has a seal, which is a change of the configuration too. */
export async function allSealed(store: string, client: RollcallClient): Promise<void> {
  const { answer: before } = await config(store, "show");
  if (!before.seals.complete) {
    await until(async () => (await client.getRegistry({})).generation > before.generation, sweepTimeoutMs);
  }
  expect(await config(store, "show")).toMatchObject({
    answer: { seals: { complete: true }, deviations: [] },
  });
}

/** Waits until no user in Redis has a seal, or an entry in an index. */
export async function allUnsealed(redis: Redis): Promise<void> {
  await until(async () => {
    for (const partition of everyPartition) {
      if ((await redis.exists(keys.entries(partition))) === 1) return false;
    }
    for (const key of await redis.keys("rollcall:*:user:*")) {
      for (const field of ["f", "i"]) if ((await redis.hexists(key, field)) === 1) return false;
    }
    return true;
  }, sweepTimeoutMs);
}

export async function brokenSealsOf(server: TestServer | undefined): Promise<number | undefined> {
  return server?.metric("rollcall_store_broken_seals_total");
}
