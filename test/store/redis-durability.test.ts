/** What an answer says where replicas are waited for, and what an operator is told of servers set up badly. */
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import type { RedisSettings } from "../../src/server/open-store.ts";
import { slotOf } from "../../src/store/redis/keys.ts";
import type { UserStore } from "../../src/users/store.ts";
import { applied, command, deletion, userId } from "../support/commands.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { openRedis } from "../support/stores.ts";
import { until } from "../support/until.ts";

const unavailable = { reason: "STORE_UNAVAILABLE" };

async function redisWith(...args: string[]): Promise<RedisProcess> {
  const redis = await startRedis({ args });
  onTestFinished(() => redis.stop());
  return redis;
}

async function storeIn(url: string, settings: RedisSettings = {}): Promise<UserStore> {
  const store = await openRedis(url, settings);
  onTestFinished(() => store.close());
  return store;
}

test("what too few replicas have is STORE_UNAVAILABLE, whether it changes anything or not", async () => {
  const primary = await redisWith();
  const replica = await redisWith("--replicaof", `127.0.0.1 ${primary.port}`, "--repl-diskless-sync-delay", "0");
  const waiting = await storeIn(primary.url, { redisWaitReplicas: 1 });
  const notWaiting = await storeIn(primary.url);
  const created = command("u", { n: 1 });
  await until(() => waiting.write([created]).then(([result]) => applied(result).outcome === "created"));

  replica.kill("SIGSTOP");
  await expect(waiting.write([command("u", { n: 2 })])).rejects.toMatchObject(unavailable);
  // What was found was written by the command before, which the replica does not have.
  await expect(waiting.write([command("u", { n: 2 })])).rejects.toMatchObject(unavailable);
  await expect(waiting.write([command("u", { n: 3 }, { precondition: { exists: false } })])).rejects.toMatchObject(
    unavailable,
  );
  const [unchanged] = await notWaiting.write([command("u", { n: 2 })]);
  expect(applied(unchanged).outcome).toBe("unchanged");
  expect(await waiting.get([userId("u")])).toHaveLength(1);

  replica.kill("SIGCONT");
  await until(() =>
    waiting.write([command("u", { n: 2 })]).then(([result]) => applied(result).outcome === "unchanged"),
  );
});

test("a call that was answered STORE_UNAVAILABLE is not executed afterwards", async () => {
  const redis = await redisWith();
  const store = await storeIn(redis.url);
  await until(() => store.check().then(() => true));
  await store.write([command("u", { n: 1 })]);
  redis.kill("SIGSTOP");
  // What Redis finds in its sockets when it goes on is past its time.
  await expect(store.write([command("u", { n: 2 }), command("v", { n: 1 })])).rejects.toMatchObject(unavailable);
  redis.kill("SIGCONT");
  await until(() => store.check().then(() => true));
  expect(await store.get([userId("v")])).toEqual([undefined]);
  expect(applied((await store.write([command("u", { n: 1 })]))[0]).outcome).toBe("unchanged");
});

test("a user who is created and deleted in a list whose answer is lost is gone", async () => {
  const redis = await redisWith();
  let cutsNext = false;
  const proxy = await startCuttingProxy(redis.port, () => {
    const cuts = cutsNext;
    cutsNext = false;
    return cuts;
  });
  onTestFinished(() => proxy.stop());
  const store = await storeIn(`redis://127.0.0.1:${proxy.port}`);
  await until(() => store.write([command("other", { n: 1 })]).then(() => true));
  cutsNext = true;
  const results = await store.write([command("u", { n: 1 }), deletion("u")]);
  expect(results.map((result) => applied(result).outcome)).toEqual(["created", "deleted"]);
  expect(proxy.cuts).toBe(1);
  expect(await store.get([userId("u")])).toEqual([undefined]);
  expect(await store.list(undefined, 10)).toEqual(["other"]);
});

test("a cluster is available while some of its primaries are", async () => {
  const cluster = await startCluster({ replicas: 0, args: ["--cluster-require-full-coverage", "no"] });
  onTestFinished(() => cluster.stop());
  const store = await storeIn(cluster.url);
  await until(() => store.check().then(() => true));
  const last = await cluster.primaryOf(slotOf(63));
  for (const node of cluster.nodes) if (node !== last) node.process.kill("SIGKILL");
  await store.check();
  last.process.kill("SIGKILL");
  await until(() =>
    store.check().then(
      () => false,
      ({ reason }) => reason === "STORE_UNAVAILABLE",
    ),
  );
});

test("what is wrong with a server is said in a line each", async () => {
  const redis = await redisWith("--maxmemory-policy", "allkeys-lru");
  const store = await storeIn(redis.url, { redisWaitReplicas: 2 });
  await until(() => store.check().catch(({ reason }) => reason === "STORE_UNAVAILABLE"));
  const at = `(127.0.0.1:${redis.port})`;
  expect(await store.warnings()).toEqual([
    `maxmemory-policy is allkeys-lru: Redis deletes users when memory runs out; set it to noeviction ${at}`,
    `Redis writes nothing to disk: a restart loses every user; set appendonly yes ${at}`,
    `0 replicas are connected, and --redis-wait-replicas is 2: writes fail ${at}`,
  ]);
});

test("nothing is said of a server that is set up well", async () => {
  const redis = await redisWith("--appendonly", "yes");
  const store = await storeIn(redis.url);
  await until(() => store.check().then(() => true));
  expect(await store.warnings()).toEqual([]);
});

test("a cluster that is incomplete, and one that is taken for a single server", async () => {
  const node = await redisWith("--appendonly", "yes", "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1");
  const at = `(127.0.0.1:${node.port})`;
  const single = await storeIn(node.url);
  await until(async () =>
    (await single.warnings()).includes(`Redis is a part of a cluster: --store is to begin with redis+cluster:// ${at}`),
  );
  const admin = new Redis(node.url);
  onTestFinished(() => admin.disconnect());
  await admin.cluster("ADDSLOTSRANGE", 0, 999);
  const cluster = await storeIn(node.url.replace("redis:", "redis+cluster:"));
  await until(async () =>
    (await cluster.warnings()).includes(`the cluster is incomplete: 1000 of 16384 slots are served ${at}`),
  );
});

test("an address where there is no server is said to be that", async () => {
  const store = await storeIn("redis://127.0.0.1:1");
  expect((await store.warnings()).join()).toMatch(/^Redis cannot be examined: .*\(127\.0\.0\.1:1\)$/);
});
