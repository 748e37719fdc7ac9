/** What an operator does about the features of a store, and sees. */
import type { Redis } from "ioredis";
import { expect } from "vitest";
import type { RollcallClient } from "../../src/client/index.ts";
import { rollcall } from "../support/processes.ts";
import type { TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

export const confirmed = ["--all-servers-are", "0.2"] as const;
/** Background work begins two seconds after a change, and leaves most of the processor to others, however busy it is. */
export const sweepTimeoutMs = 60_000;

/** Runs `rollcall config`. */
export async function config(store: string, ...words: readonly string[]) {
  const { status, stdout, stderr } = await rollcall(["config", ...words, "--store", store]);
  return { status, answer: stdout === "" ? undefined : JSON.parse(stdout), stderr };
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
    answer: { seals: { since: 1, complete: true }, deviations: [] },
  });
}

/** Waits until no user in Redis has a seal. */
export async function allUnsealed(redis: Redis): Promise<void> {
  await until(async () => {
    for (const key of await redis.keys("rollcall:*:user:*")) {
      if ((await redis.hexists(key, "f")) === 1) return false;
    }
    return true;
  }, sweepTimeoutMs);
}

export async function brokenSealsOf(server: TestServer | undefined): Promise<number | undefined> {
  return server?.metric("rollcall_store_broken_seals_total");
}
