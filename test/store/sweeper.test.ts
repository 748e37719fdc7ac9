import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import { afterEach, describe, expect, test } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openStore } from "../../src/server/open-store.ts";
import type { StoreAdapter } from "../../src/store/adapter.ts";
import { createKeys, partitionOf } from "../../src/store/redis/keys.ts";
import { Sweeper, type SweepTimes, type SweptStore } from "../../src/store/sweeper.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import type { Feature } from "../../src/users/features.ts";
import { command, deletion } from "../support/commands.ts";
import { startRedis } from "../support/redis.ts";
import { administrationOf, switchFeatures } from "../support/stores.ts";
import { brokenSealsIn } from "../support/sweep-all.ts";
import { until } from "../support/until.ts";

const keys = createKeys("rollcall:");
const times = { leaseMs: 500, lookMs: 50, restMs: 50, pauseRatio: 1, buildPauseRatio: 1, settleMs: 0 };
const program = new URL("../support/sweep-program.ts", import.meta.url).pathname;
/** More than a slice has, all in one partition. */
const ids = Array.from({ length: 100_000 }, (_, n) => `u${n}`)
  .filter((id) => partitionOf(id) === 0)
  .slice(0, 1_000);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server of Redis with users, and what the test does to it. */
async function redisWithUsers() {
  const server = await startRedis();
  cleanups.push(() => server.stop());
  const redis = new Redis(server.url);
  cleanups.push(() => redis.disconnect());
  const administration = await administrationOf(server.url);
  cleanups.push(() => administration.close());
  const store = await openAdapter(server.url);
  for (let at = 0; at < ids.length; at += 100) {
    await store.write(ids.slice(at, at + 100).map((id) => command(id, { n: 1 })));
  }
  return {
    url: server.url,
    redis,
    store,
    features: (...features: Feature[]) => switchFeatures(administration, features),
    configuration: async () => (await administration.read()).current.configuration,
    async sealCount() {
      const seals = await Promise.all(ids.map((id) => redis.hexists(keys.user(id), "f")));
      return seals.filter((has) => has === 1).length;
    },
  };
}

async function openAdapter(url: string): Promise<StoreAdapter> {
  const store = await openStore(parseStoreLocation(url), {}, createLogger("silent"));
  cleanups.push(() => store.close());
  await store.check();
  return store;
}

/** Sweeps until the test ends. @returns what it has looked at so far */
function sweep(
  { sweep: swept }: StoreAdapter,
  watch: (store: SweptStore) => SweptStore = (store) => store,
  otherTimes: Partial<SweepTimes> = {},
) {
  if (swept === undefined) throw new Error("the store has no background work");
  const seen = { items: 0, sealed: 0, share: 0, failures: [] as unknown[] };
  const sweeper = new Sweeper(
    watch(swept),
    {
      onSlice({ work, items }, share) {
        seen.items += items;
        seen.share = share;
        if (work === "seal") seen.sealed += items;
      },
      onFailure: (failure) => seen.failures.push(failure),
    },
    { ...times, ...otherTimes },
  );
  cleanups.push(() => sweeper.stop());
  return { seen, stop: () => sweeper.stop() };
}

/** Another process that sweeps, and what it has printed. */
function sweepElsewhere(url: string): { readonly child: ChildProcess; readonly items: number[] } {
  const child = spawn(process.execPath, [program, url], { stdio: ["ignore", "pipe", "inherit"] });
  cleanups.push(() => child.kill("SIGKILL"));
  const items: number[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => items.push(Number(line)));
  return { child, items };
}

describe("background work", () => {
  test("seals the users that were there before a feature, and unseals them after it", { timeout: 60_000 }, async () => {
    const { store, features, configuration, sealCount } = await redisWithUsers();
    const { seen } = sweep(store);
    await features("rehearsal");
    await until(async () => {
      await store.check();
      expect((await configuration())?.seals?.complete).toBe(true);
    }, 25_000);
    expect(await sealCount()).toBe(ids.length);
    await features();
    await until(async () => {
      await store.check();
      expect(await sealCount()).toBe(0);
    }, 25_000);
    expect(seen.failures).toEqual([]);
  });

  test("has done all of a pass, also where there was nothing to be done", async () => {
    const { store } = await redisWithUsers();
    const { seen } = sweep(store);
    await until(() => expect(seen).toEqual({ items: 0, sealed: 0, share: 1, failures: [] }));
  });

  test("does not take a user for sealed whose partition has lost the walk in a failover", async () => {
    const { redis, store, features, configuration, sealCount } = await redisWithUsers();
    await features("rehearsal");
    await store.check();
    const [lost = ""] = ids;
    let isLost = false;
    const { seen } = sweep(store, (swept) => ({
      ...swept,
      get generation() {
        return swept.generation;
      },
      // The walk over the first partition is done by then.
      async sweep(partition) {
        if (partition === 1 && !isLost) {
          isLost = true;
          await redis.hdel(keys.user(lost), "f");
          await redis.hdel(keys.sweep(0), "walk", "after", "done");
        }
        return swept.sweep(partition);
      },
    }));
    await until(async () => {
      await store.check();
      expect((await configuration())?.seals?.complete).toBe(true);
    }, 25_000);
    expect(isLost).toBe(true);
    expect(await sealCount()).toBe(ids.length);
    expect(seen.failures).toEqual([]);
  });

  test("and writes find no broken seal in a user whose record is damaged", async () => {
    const { redis, store, features, configuration } = await redisWithUsers();
    sweep(store);
    await features("rehearsal");
    await until(async () => {
      await store.check();
      expect((await configuration())?.seals?.complete).toBe(true);
    }, 25_000);
    const [damaged = ""] = ids;
    await redis.hdel(keys.user(damaged), "properties");
    const refused = [{ refused: "damaged", part: "properties" }];
    expect(await store.write([command(damaged, { n: 2 })])).toMatchObject(refused);
    expect(await store.write([command(damaged, { n: 3 })])).toMatchObject(refused);
    expect(brokenSealsIn(store)).toBe(0);
  });

  test("goes on where a process was killed, in another one", async () => {
    const { url, redis, store, features, configuration, sealCount } = await redisWithUsers();
    await features("rehearsal");
    const { child, items } = sweepElsewhere(url);
    await until(() => items.length >= 2);
    child.kill("SIGKILL");
    await once(child, "close");
    const [walk, after] = await redis.hmget(keys.sweep(0), "walk", "after");
    expect(walk).toMatch(/^seal /);
    expect(await sealCount()).toBeGreaterThan(0);

    await store.check();
    const { seen } = sweep(store);
    await until(async () => expect((await configuration())?.seals?.complete).toBe(true));
    expect(await sealCount()).toBe(ids.length);
    // A slice may have been done that the other could not tell of any more.
    const position = ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).indexOf(after ?? "") + 1;
    expect(seen.sealed).toBe(ids.length - position);
  });

  test("is done by one server at a time, and by the next once it stops", async () => {
    const { url, store, features, sealCount } = await redisWithUsers();
    let isUnderWay = false;
    const overlaps: string[] = [];
    const alone = (swept: SweptStore): SweptStore => ({
      ...swept,
      get generation() {
        return swept.generation;
      },
      async sweep(partition) {
        if (isUnderWay) overlaps.push(`partition ${partition}`);
        isUnderWay = true;
        try {
          return await swept.sweep(partition);
        } finally {
          isUnderWay = false;
        }
      },
    });
    const others = [store, await openAdapter(url), await openAdapter(url)];
    const sweeping = others.map((each) => sweep(each, alone, { leaseMs: 20_000 }));
    await features("rehearsal");
    for (const each of others) await each.check();
    await until(async () => expect(await sealCount()).toBe(ids.length), 25_000);
    const [leading, ...more] = sweeping.filter(({ seen }) => seen.items > 0);
    expect(more).toEqual([]);
    await leading?.stop();
    await features();
    for (const each of others) await each.check();
    await until(async () => expect(await sealCount()).toBe(0));
    expect(sweeping.filter(({ seen }) => seen.items > 0)).toHaveLength(2);
    expect(overlaps).toEqual([]);
  });

  test("begins again at once after a change of the configuration that interrupts it", async () => {
    const { store, features, sealCount } = await redisWithUsers();
    let isSwitched = false;
    const switching = (swept: SweptStore): SweptStore => ({
      ...swept,
      get generation() {
        return swept.generation;
      },
      async sweep(partition) {
        if (!isSwitched) {
          isSwitched = true;
          await features("rehearsal");
          await store.check();
        }
        return swept.sweep(partition);
      },
    });
    sweep(store, switching, { restMs: 60_000 });
    await until(async () => expect(await sealCount()).toBe(ids.length), 25_000);
  });

  test("tries again soon what failed", async () => {
    const { store, features, sealCount } = await redisWithUsers();
    await features("rehearsal");
    await store.check();
    let hasFailed = false;
    const failing = (swept: SweptStore): SweptStore => ({
      ...swept,
      get generation() {
        return swept.generation;
      },
      async sweep(partition) {
        if (hasFailed || partition > 0) return swept.sweep(partition);
        hasFailed = true;
        throw new Error("the primary is away for a moment");
      },
    });
    const { seen } = sweep(store, failing, { restMs: 60_000 });
    await until(async () => expect(await sealCount()).toBe(ids.length), 25_000);
    expect(seen.failures).toHaveLength(1);
  });

  test("that builds an index rests less than other work", async () => {
    const { store } = await redisWithUsers();
    let left = 20;
    const building = (swept: SweptStore): SweptStore => ({
      ...swept,
      sweep: async () => ({ work: "seal", items: 1, isDone: left-- <= 0, isBuild: true }),
    });
    // Other work would not end before the test does.
    const { seen } = sweep(store, building, { pauseRatio: 1e9, buildPauseRatio: 1 });
    await until(() => expect(seen.items).toBeGreaterThan(20));
  });

  test("removes tombstones that do not count any more, and no others", async () => {
    const { redis, store } = await redisWithUsers();
    await store.write([deletion(ids[0] ?? "")]);
    const old = Array.from({ length: 1_200 }, (_, n) => [1_000 + n, `old-${n}`]).flat();
    await redis.zadd(keys.tombstones(0), ...old.map(String));
    expect(await redis.zcard(keys.tombstones(0))).toBe(1_201);
    sweep(store);
    await until(async () => expect(await redis.zcard(keys.tombstones(0))).toBe(1));
  });

  test("waits while something else has overwritten its key", async () => {
    const { redis, store, features } = await redisWithUsers();
    const other = "u1";
    expect(partitionOf(other)).not.toBe(0);
    await store.write([command(other, { n: 1 })]);
    await redis.set(keys.sweep(0), "nobody's");
    await features("rehearsal");
    await store.check();
    const { seen } = sweep(store);
    await until(() => expect(seen.failures.length).toBeGreaterThan(0));
    await redis.del(keys.sweep(0));
    await until(async () => expect(await redis.hexists(keys.user(other), "f")).toBe(1));
  });

  test("a deletion removes a few old tombstones", async () => {
    const { redis, store } = await redisWithUsers();
    await redis.zadd(keys.tombstones(0), "1000", "old-1", "1001", "old-2", "1002", "old-3");
    await store.write([deletion(ids[0] ?? "")]);
    expect(await redis.zrange(keys.tombstones(0), "0", "-1")).toEqual(["old-3", expect.any(String)]);
  });
});
