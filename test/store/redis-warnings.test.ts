/** What an operator is told of servers that are set up badly, as the server does when it starts. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { Transform } from "node:stream";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { redisWith, storeIn } from "../support/for-one-test.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { until } from "../support/until.ts";

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

test("a cluster that is set up well is warned of by nothing, however early it is looked at", async () => {
  const cluster = await startCluster({ replicas: 0, args: ["--appendonly", "yes"] });
  onTestFinished(() => cluster.stop());
  const store = await storeIn(cluster.url);
  expect(await store.warnings()).toEqual([]);
  for (const { admin } of cluster.nodes) await admin.config("SET", "appendonly", "no");
  const at = cluster.nodes.map(({ process }) => `127.0.0.1:${process.port}`).sort();
  expect(await (await storeIn(cluster.url)).warnings()).toEqual([
    `Redis writes nothing to disk: a restart loses every user; set appendonly yes (${at.join(", ")})`,
  ]);
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

test("a Redis that is too old", async () => {
  const redis = await redisWith("--appendonly", "yes");
  // A real server, but for the first digit of its version.
  const proxy = createServer((inner) => {
    const outer = connect(redis.port, "127.0.0.1");
    const older = new Transform({
      transform(piece, _, done) {
        done(null, Buffer.from(piece.toString("latin1").replace(/redis_version:\d/, "redis_version:6"), "latin1"));
      },
    });
    inner.on("error", () => outer.destroy()).on("close", () => outer.destroy());
    outer.on("error", () => inner.destroy()).on("close", () => inner.destroy());
    inner.pipe(outer).pipe(older).pipe(inner);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  onTestFinished(() => void proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const store = await storeIn(`redis://127.0.0.1:${port}`);
  await until(() => store.check().then(() => true));
  expect(await store.warnings()).toEqual([
    expect.stringMatching(/^Redis 6\.[\d.]+ is older than 7\.0, the oldest that is supported \(127\.0\.0\.1:\d+\)$/),
  ]);
});
