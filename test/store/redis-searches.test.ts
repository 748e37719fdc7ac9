/** Searches over Redis: entries of all partitions in one order, under one configuration. */
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createKeys, everyPartition, partitionCount, partitionOf } from "../../src/store/redis/keys.ts";
import { RedisNode } from "../../src/store/redis/servers/node.ts";
import { entryOf, entryPrefix, type IndexedUser } from "../../src/users/indexes/entries.ts";
import { textStart, textValue } from "../../src/users/indexes/index-value.ts";
import type { FoundEntry } from "../../src/users/store.ts";
import { command } from "../support/commands.ts";
import { type IndexedStore, openIndexed, type RunningServers } from "../support/indexed-redis.ts";
import { startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { until } from "../support/until.ts";

const keys = createKeys("rollcall:");
const plans = ["free", "pro", "enterprise"];
const ids = Array.from({ length: 1_500 }, (_, n) => `user ${n}`);
/** Of one partition, whose entries come before all others. */
const neighbours = Array.from({ length: 40_000 }, (_, n) => `u${n}`)
  .filter((id) => partitionOf(id) === 7)
  .slice(0, 300);

function text(value: string): Uint8Array {
  const bytes = textValue(value, false);
  if (bytes === "too-long") throw new Error("it is too long");
  return bytes;
}

function start(value: string): Uint8Array {
  const bytes = textStart(value, false);
  if (bytes === "too-long") throw new Error("it is too long");
  return bytes;
}

const generationOf = ({ store }: IndexedStore) => store.configuration()?.generation ?? -1;
const numberOf = ({ store }: IndexedStore, at = 0) => store.configuration()?.indexes[at]?.number ?? 0;

/** All entries with a prefix, page by page. */
async function allPages(indexed: IndexedStore, prefix: Uint8Array, size: number): Promise<IndexedUser[]> {
  const found: IndexedUser[] = [];
  for (let after: Uint8Array | undefined; ; ) {
    const page = await indexed.store.entries({ prefix, after }, size, generationOf(indexed));
    if (page === undefined) throw new Error("the configuration has changed");
    found.push(...page);
    const last = page.at(-1);
    if (last === undefined || page.length < size) return found;
    after = entryOf(numberOf(indexed), last.value, last.id);
  }
}

describe.each([
  ["a server", (): Promise<RunningServers> => startRedis()],
  ["a cluster", (): Promise<RunningServers> => startCluster({ primaries: 2, replicas: 0 })],
] as const)("in %s", (_, starting) => {
  test("pages have all entries in the order of their bytes, whatever their size", { timeout: 60_000 }, async () => {
    const indexed = await openIndexed(starting(), "plan,name");
    const { store } = indexed;
    await store.write([
      ...ids.map((id, n) => command(id, { plan: plans[n % 3] ?? "", name: id })),
      ...neighbours.map((id) => command(id, { plan: "a plan", name: id })),
    ]);
    const byBytes = (some: readonly string[]) =>
      some.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const idsWith = (plan: string) => byBytes(ids.filter((_, n) => plans[n % 3] === plan));
    const expected = [...byBytes(neighbours), ...idsWith("enterprise"), ...idsWith("free"), ...idsWith("pro")];
    const number = numberOf(indexed);
    for (const size of [1_000, 257, 100, 10_000]) {
      const found = await allPages(indexed, entryPrefix(number), size);
      expect(
        found.map(({ id }) => id),
        `pages of ${size}`,
      ).toEqual(expected);
    }
    const withPlan = async (prefix: Uint8Array, size: number) =>
      (await allPages(indexed, entryPrefix(number, prefix), size)).map(({ id }) => id);
    expect(await withPlan(text("pro"), 51)).toEqual(idsWith("pro"));
    expect(await withPlan(start("pr"), 51)).toEqual(idsWith("pro"));
    // A value is not the beginning of another.
    expect(await withPlan(text("pr"), 51)).toEqual([]);
    expect(await withPlan(text("a plan"), 51)).toEqual(byBytes(neighbours));
    // By a name, one user.
    const names = entryPrefix(numberOf(indexed, 1), text("user 77"));
    expect(await store.entries({ prefix: names, after: undefined }, 51, generationOf(indexed))).toMatchObject([
      { id: "user 77" },
    ]);

    const count = (prefix: Uint8Array) => store.countEntries(entryPrefix(number, prefix), generationOf(indexed));
    expect(await Promise.all([text("pro"), start("pr"), text("pr"), new Uint8Array()].map(count))).toEqual([
      500,
      500,
      0,
      expected.length,
    ]);
    expect(await store.count()).toBe(expected.length);
  });

  test("searches at the same time are answered each for itself, also those that find much", async () => {
    const indexed = await openIndexed(starting(), "plan,name");
    const { store } = indexed;
    await store.write(ids.map((id, n) => command(id, { plan: plans[n % 3] ?? "", name: id })));
    const [plan, name] = [numberOf(indexed), numberOf(indexed, 1)];
    const search = (number: number, value: Uint8Array, count: number) =>
      store.entries({ prefix: entryPrefix(number, value), after: undefined }, count, generationOf(indexed));
    const found = await Promise.all([
      ...plans.map((each) => search(plan, text(each), 1_000)),
      ...ids.slice(0, 200).map((id) => search(name, text(id), 10)),
      search(name, text("nobody"), 10),
      search(plan, start("p"), 3),
    ]);
    expect(found.slice(0, 3).map((users) => users?.length)).toEqual([500, 500, 500]);
    expect(found.slice(3, 203).map((users) => users?.map(({ id }) => id))).toEqual(ids.slice(0, 200).map((id) => [id]));
    expect(found.slice(203).map((users) => users?.length)).toEqual([0, 3]);
  });

  test("a search of an index that has been dropped since finds nothing, and no part of it", async () => {
    const indexed = await openIndexed(starting(), "plan");
    const { store, redis, set, another } = indexed;
    await store.write(ids.slice(0, 300).map((id) => command(id, { plan: "pro" })));
    const { adapter: other, store: late } = await another();
    const { store: later } = await another();
    const [generation, prefix] = [generationOf(indexed), entryPrefix(numberOf(indexed))];
    expect(await late.countEntries(prefix, generation)).toBe(300);
    await set("");
    // It has not heard of that. Entries are removed meanwhile.
    await indexed.adapter.sweep?.sweep(indexed.entriesKey("user 0") === keys.entries(0) ? 0 : partitionOf("user 0"));
    expect(await redis.exists(indexed.entriesKey("user 0"))).toBe(0);
    expect(late.configuration()?.generation).toBe(generation);
    expect(await late.entries({ prefix, after: undefined }, 400, generation)).toBeUndefined();
    expect(await later.countEntries(prefix, generation)).toBeUndefined();
    // It has heard now.
    await until(async () => {
      await late.countEntries(prefix, generation);
      return other.configuration()?.indexes.every(({ state }) => state === "dropping") === true;
    });
  });

  test("a server that has not heard of an index follows, and no search answers with less", async () => {
    const indexed = await openIndexed(starting(), "");
    const { store: late } = await indexed.another();
    await indexed.store.write(ids.slice(0, 100).map((id) => command(id, { plan: "pro" })));
    await indexed.build("plan");
    const [generation, prefix] = [generationOf(indexed), entryPrefix(numberOf(indexed))];
    await until(async () => (await late.countEntries(prefix, generation)) === 100);
    expect(late.configuration()?.indexes).toMatchObject([{ property: "plan", state: "ready" }]);
  });
});

test("entries that no server has written are left out, and others take their places", async () => {
  const indexed = await openIndexed(startRedis(), "plan");
  const { store, redis } = indexed;
  const some = ids.slice(0, 50);
  await store.write(some.map((id) => command(id, { plan: "pro" })));
  const prefix = entryPrefix(numberOf(indexed));
  const garbage = ["", "\u0003no end", "\u0001", "\u0009x", "\u0003pr\0\u0001", "\u0003pr\0\u0001\u0007"];
  for (const partition of everyPartition) {
    const entries = garbage.map((rest) => Buffer.concat([prefix, Buffer.from(`${rest}`)]));
    await redis.zadd(keys.entries(partition), ...entries.flatMap((entry) => ["0", entry]));
  }
  for (const size of [1, 7, 50, 100]) {
    const found = await store.entries({ prefix, after: undefined }, size, generationOf(indexed));
    expect(found).toHaveLength(Math.min(size, some.length));
  }
  expect((await allPages(indexed, prefix, 9)).map(({ id }) => id).toSorted()).toEqual(some.toSorted());
});

test("a primary that is away makes searches unavailable, and nothing is left out", async () => {
  const indexed = await openIndexed(startCluster({ primaries: 2, replicas: 0 }), "plan");
  const { store, servers } = indexed;
  await store.write(ids.slice(0, 50).map((id) => command(id, { plan: "pro" })));
  const [prefix, generation] = [entryPrefix(numberOf(indexed)), generationOf(indexed)];
  const [, away] = servers.nodes;
  away?.process.kill("SIGSTOP");
  onTestFinished(() => away?.process.kill("SIGCONT"));
  const unavailable = { reason: "STORE_UNAVAILABLE" };
  const asked = [
    store.entries({ prefix, after: undefined }, 10, generation),
    store.entries({ prefix: entryPrefix(numberOf(indexed), text("pro")), after: undefined }, 10, generation),
    store.countEntries(prefix, generation),
    store.count(),
    store.progress(),
  ];
  for (const answer of await Promise.allSettled(asked)) expect(answer).toMatchObject({ reason: unavailable });
});

test("a partition whose entries something else has overwritten makes searches fail, and the failure names the key", async () => {
  const indexed = await openIndexed(startRedis(), "plan");
  const { store, redis } = indexed;
  await redis.set(keys.entries(0), "nobody's");
  const named = `overwritten the indexes ${keys.entries(0)}, which is no sorted set; rollcall verify tells more`;
  const prefix = entryPrefix(numberOf(indexed));
  await expect(store.entries({ prefix, after: undefined }, 10, generationOf(indexed))).rejects.toThrow(named);
  await expect(store.countEntries(prefix, generationOf(indexed))).rejects.toThrow(named);
  await redis.set(keys.ids(5), "nobody's");
  await expect(store.count()).rejects.toThrow(`overwritten the listing ${keys.ids(5)}`);
});

test("in a cluster, users that have the sought value are read with their entries, as many as fit", async () => {
  const indexed = await openIndexed(startCluster({ primaries: 2, replicas: 0 }), "plan");
  const { store } = indexed;
  const some = ids.slice(0, 40);
  await store.write(some.map((id) => command(id, { plan: "pro", notes: "x".repeat(8_000) })));
  const prefix = entryPrefix(numberOf(indexed), text("pro"));
  const found = (await store.entries({ prefix, after: undefined }, 100, generationOf(indexed))) ?? [];
  expect(found).toHaveLength(some.length);
  const read = found.filter(({ user }) => user !== undefined);
  expect(read.length).toBeGreaterThan(0);
  expect(read.map(({ user }) => user)).toEqual(await store.get(read.map(({ id }) => id)));
});

test("users that are read with their entries are a bounded part of the answer, and may be damaged", async () => {
  const indexed = await openIndexed(startCluster({ primaries: 2, replicas: 0 }), "plan");
  const { store, redis } = indexed;
  // All of them are in one partition.
  const some = neighbours.slice(0, 40);
  const search = async () =>
    (await store.entries(
      { prefix: entryPrefix(numberOf(indexed), text("pro")), after: undefined },
      101,
      generationOf(indexed),
    )) ?? [];
  const readOf = (found: readonly FoundEntry[]) => found.filter(({ user }) => user !== undefined);
  await store.write(some.map((id) => command(id, { plan: "pro" })));
  const read = readOf(await search());
  // Eight for each of a few scripts.
  expect(read.length).toBeGreaterThanOrEqual(8);
  expect(read.length).toBeLessThan(some.length);
  const [gone, damaged] = read.map(({ id }): string => id);
  await redis.del(keys.user(gone ?? ""));
  await redis.hset(keys.user(damaged ?? ""), "properties", "no Struct");
  const after = new Map((await search()).map(({ id, user }): [string, typeof user] => [id, user]));
  expect([...after.keys()].sort()).toEqual(some.toSorted());
  expect(after.get(gone ?? "")).toBeUndefined();
  expect(after.get(damaged ?? "")).toEqual({ id: damaged, damaged: "properties" });
  await store.write(some.slice(2).map((id) => command(id, { plan: "pro", notes: "x".repeat(30_000) })));
  // Three of each script are as many bytes as it reads.
  expect(readOf(await search()).length).toBeLessThan(read.length);
});

test("on a single server, a search takes one script that looks into one set", async () => {
  const indexed = await openIndexed(startRedis(), "plan");
  const { store } = indexed;
  await store.write(ids.map((id) => command(id, { plan: "pro" })));
  const run = vi.spyOn(RedisNode.prototype, "run");
  onTestFinished(() => run.mockRestore());
  const asked = () => run.mock.calls.splice(0).map(([call]) => call.keys);
  const keysOfOne = [keys.configuration(0), keys.entries(0)];
  await store.entries(
    { prefix: entryPrefix(numberOf(indexed), text("pro")), after: undefined },
    101,
    generationOf(indexed),
  );
  expect(asked()).toEqual([keysOfOne]);
  await store.entries(
    { prefix: entryPrefix(numberOf(indexed), start("pr")), after: undefined },
    101,
    generationOf(indexed),
  );
  expect(asked()).toEqual([keysOfOne]);
  await store.countEntries(entryPrefix(numberOf(indexed)), generationOf(indexed));
  expect(asked()).toEqual([keysOfOne]);
});

test("in a cluster, a search takes one script for each partition, and another only for partitions that need it", async () => {
  const indexed = await openIndexed(startCluster({ primaries: 2, replicas: 0 }), "plan");
  const { store } = indexed;
  await store.write([
    ...ids.map((id) => command(id, { plan: "pro" })),
    ...neighbours.map((id) => command(id, { plan: "a plan" })),
  ]);
  const run = vi.spyOn(RedisNode.prototype, "run");
  onTestFinished(() => run.mockRestore());
  const asked = () => run.mock.calls.splice(0).map(([call]) => call.keys[1]);
  const search = (value: Uint8Array) =>
    store.entries({ prefix: entryPrefix(numberOf(indexed), value), after: undefined }, 101, generationOf(indexed));
  const each = everyPartition.map(keys.entries);
  await search(text("pro"));
  expect(asked()).toEqual(each);
  // All of them are in one partition.
  await search(text("a plan"));
  const scripts = asked();
  expect(scripts.slice(0, partitionCount)).toEqual(each);
  expect(new Set(scripts.slice(partitionCount))).toEqual(new Set([keys.entries(7)]));
  expect(scripts.length).toBeLessThan(partitionCount + 5);
});
