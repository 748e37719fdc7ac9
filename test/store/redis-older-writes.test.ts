/** Users in Redis with indexes whom a server writes that does not know of indexes, as version 0.1. */
import type { JsonObject } from "@bufbuild/protobuf";
import { expect, test, vi } from "vitest";
import { createKeys, everyPartition, partitionOf } from "../../src/store/redis/keys.ts";
import { reconcileScript } from "../../src/store/redis/reconcile.ts";
import { RedisNode } from "../../src/store/redis/servers/node.ts";
import type { WriteCommand } from "../../src/users/store.ts";
import { command, deletion, edit, setPreferences } from "../support/commands.ts";
import { entriesIn, type IndexedStore, openIndexed, type RunningServers } from "../support/indexed-redis.ts";
import { startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { canonical } from "../support/struct.ts";
import { brokenSealsIn } from "../support/sweep-all.ts";

const keys = createKeys("rollcall:");
const ids = Array.from({ length: 20 }, (_, n) => `user ${n}`);

/** Changes a user: it gets another etag, and nothing else that it does not know of. */
async function writeAsOlder({ redis }: IndexedStore, id: string, properties: JsonObject): Promise<void> {
  const key = keys.user(id);
  const meta = await redis.hgetBuffer(key, "meta");
  if (meta === null) throw new Error("there is no such user");
  const changed = Buffer.concat([meta.subarray(0, 16), Buffer.from(`older ${Math.random()}`)]);
  await redis.hset(key, "meta", changed, "properties", Buffer.from(canonical(properties)));
}

async function withUsers(starting: Promise<RunningServers>): Promise<IndexedStore> {
  const indexed = await openIndexed(starting, "email,plan");
  await indexed.store.write(ids.map((id) => command(id, { email: id, plan: "pro" })));
  return indexed;
}

const nextWrites: readonly (readonly [string, (id: string) => WriteCommand])[] = [
  ["changes another property", (id) => command(id, { n: 1 })],
  ["changes an indexed one", (id) => command(id, { email: "newest" })],
  ["changes nothing", (id) => command(id, { email: "older" })],
  ["unsets an indexed one", (id) => edit(id, { unset: ["email"] })],
  ["loses", (id) => edit(id, { setOnce: { email: "newest" } })],
  ["sets preferences", (id) => setPreferences(id, { theme: "dark" })],
  ["is refused", (id) => command(id, { n: 1 }, { precondition: { exists: false } })],
];

test.each([
  ["a server", (): Promise<RunningServers> => startRedis()],
  ["a cluster", (): Promise<RunningServers> => startCluster({ primaries: 2, replicas: 0 })],
] as const)("in %s, the next write mends the entries before it is answered, whatever it does", async (_, start) => {
  const indexed = await withUsers(start());
  const { store, adapter, expectInLine } = indexed;
  for (const [n, [what, next]] of nextWrites.entries()) {
    const id = ids[n] ?? "";
    await writeAsOlder(indexed, id, { email: "older", country: "PT" });
    await expect(expectInLine(), what).rejects.toThrow();
    await store.write([next(id)]);
    await expectInLine();
    expect(brokenSealsIn(adapter), what).toBe(n + 1);
  }
  // Beside others, some of them twice.
  for (const id of ids.slice(0, 5)) await writeAsOlder(indexed, id, { email: "older" });
  await store.write([...ids, ...ids].map((id, n) => command(id, { n })));
  await expectInLine();
  expect(brokenSealsIn(adapter)).toBe(nextWrites.length + 5);
});

test("a deletion takes the entries along", async () => {
  const indexed = await withUsers(startRedis());
  const [id = ""] = ids;
  await writeAsOlder(indexed, id, { email: "older" });
  await indexed.store.write([deletion(id)]);
  await indexed.expectInLine();
});

test("a server that ends before it has mended them leaves that to the next", async () => {
  const indexed = await withUsers(startRedis());
  const [id = ""] = ids;
  await writeAsOlder(indexed, id, { email: "older" });
  const run = RedisNode.prototype.run;
  const spy = vi.spyOn(RedisNode.prototype, "run").mockImplementation(function (this: RedisNode, call, ...more) {
    if ("script" in call && call.script.sha === reconcileScript.sha) return Promise.reject(new Error("it has ended"));
    return run.call(this, call, ...more);
  });
  await expect(indexed.store.write([command(id, { n: 1 })])).rejects.toThrow("it has ended");
  spy.mockRestore();
  const { store } = await indexed.another();
  await store.write([command(id, { n: 1 })]);
  await indexed.expectInLine();
});

test("the hourly look at all users mends them, and once only", async () => {
  const indexed = await withUsers(startRedis());
  const { adapter, redis, sweep, expectInLine } = indexed;
  await sweep();
  for (const id of ids.slice(0, 5)) await writeAsOlder(indexed, id, { email: "older" });
  for (let hour = 1; hour <= 2; hour++) {
    for (const partition of new Set(ids.map(partitionOf))) await redis.hset(keys.sweep(partition), "done", "0");
    await sweep();
    expect(brokenSealsIn(adapter)).toBe(5);
    await expectInLine();
  }
});

test("the hourly look at all users removes entries that a deletion has left, however many there are", async () => {
  const indexed = await withUsers(startRedis());
  const { store, redis, sweep, expectInLine } = indexed;
  // More than a slice has, all in one partition.
  const neighbours = Array.from({ length: 40_000 }, (_, n) => `u${n}`)
    .filter((id) => partitionOf(id) === 0)
    .slice(0, 300);
  await store.write(neighbours.map((id) => command(id, { email: id, plan: "pro" })));
  await sweep();
  for (const id of [...neighbours.slice(0, 200), ...ids.slice(0, 10)]) {
    await redis.del(keys.user(id));
    await redis.zrem(keys.ids(partitionOf(id)), id);
  }
  // One of them is back.
  await store.write([command(neighbours[0] ?? "", { email: "new" })]);
  await expect(expectInLine()).rejects.toThrow();
  for (const partition of everyPartition) await redis.hset(keys.sweep(partition), "done", "0");
  await sweep();
  await expectInLine();
});

test("a damaged user keeps nobody from mending others, and its entries stay", async () => {
  const indexed = await withUsers(startRedis());
  const { store, adapter, redis, build } = indexed;
  const [damaged = "", other = ""] = ids;
  const before = (await entriesIn(redis)).length;
  await writeAsOlder(indexed, other, { email: "older", plan: "free" });
  await redis.hset(keys.user(damaged), "properties", "no Struct");
  expect(await store.write([command(damaged, { n: 1 }), command(other, { n: 1 })])).toMatchObject([
    { refused: "damaged" },
    { outcome: "updated" },
  ]);
  await build("email,plan,country");
  expect(await entriesIn(redis)).toHaveLength(before);
  expect(brokenSealsIn(adapter)).toBe(1);
  expect(await store.write([deletion(damaged)])).toMatchObject([{ outcome: "deleted" }]);
  await indexed.expectInLine();
});
