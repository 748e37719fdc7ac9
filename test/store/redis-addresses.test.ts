/** Addresses: those that a cluster or Sentinels announce or leave out, and a --store that names the wrong kind of server. */
import { Redis } from "ioredis";
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { parseNatMap } from "../../src/config/redis-nat-map.ts";
import { partitionOf, slotOf } from "../../src/store/redis/keys.ts";
import type { UserStore } from "../../src/users/store.ts";
import { command, userId } from "../support/commands.ts";
import { redisWith, storeIn } from "../support/for-one-test.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { type ClusterNode, type RedisCluster, startCluster } from "../support/redis-cluster.ts";
import { until } from "../support/until.ts";

/** Nobody has it: https://www.rfc-editor.org/rfc/rfc5737 */
const nobody = "192.0.2.1";
const ids = Array.from({ length: 100 }, (_, index) => userId(`user-${index}`));

function adminOf({ url }: RedisProcess): Redis {
  const admin = new Redis(url);
  admin.on("error", () => {});
  onTestFinished(() => admin.disconnect());
  return admin;
}

const clusterUrl = (...nodes: RedisProcess[]) =>
  `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join()}`;

async function works(store: UserStore): Promise<void> {
  await until(() => store.check().then(() => true));
  const written = await store.write(ids.map((id) => command(id, { n: 1 })));
  expect(written.map((result) => ("outcome" in result ? result.outcome : result.refused))).toEqual(
    ids.map(() => "created"),
  );
  expect((await store.list(undefined, 200)).toSorted()).toEqual(ids.toSorted());
}

/** What the log says of a store that is not ready. */
async function reasonOf(store: UserStore): Promise<string> {
  return store.check().then(
    () => expect.fail("the store is ready"),
    ({ cause }) => String(cause),
  );
}

/** A cluster of one node, which has every slot. */
async function nodeAlone(...args: string[]): Promise<[RedisProcess, Redis]> {
  const node = await redisWith("--cluster-enabled", "yes", ...args);
  const admin = adminOf(node);
  await admin.cluster("ADDSLOTSRANGE", 0, 16_383);
  await until(async () => String(await admin.call("CLUSTER", "INFO")).includes("cluster_state:ok"));
  return [node, admin];
}

const isInCluster = /Redis.* a part of a cluster.*redis\+cluster:\/\//;

test("a node that knows no address of its own is reached where it was asked, and told from a single server", async () => {
  const [node, admin] = await nodeAlone();
  expect((await admin.cluster("SLOTS"))[0]?.[2]?.[0]).toBe("");
  await works(await storeIn(clusterUrl(node)));
  const single = await storeIn(node.url);
  await until(async () => expect(await reasonOf(single)).toMatch(isInCluster));
});

describe("a cluster", () => {
  let cluster: RedisCluster;
  let first: ClusterNode;
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 0 });
    const [node] = cluster.nodes;
    if (node === undefined) throw new Error("the cluster has no node");
    first = node;
    return () => cluster.stop();
  });
  beforeEach(async () => {
    await Promise.all(cluster.nodes.map(({ admin }) => admin.flushall()));
  });

  test.each([
    ["unknown-endpoint", null],
    ["hostname", "?"],
  ])("whose nodes announce their %s, and so announce %j", async (type, announced) => {
    for (const { admin } of cluster.nodes) await admin.config("SET", "cluster-preferred-endpoint-type", type);
    const slots = await first.admin.cluster("SLOTS");
    expect(new Set(slots.map(([, , primary]) => primary?.[0]))).toEqual(new Set([announced]));
    const store = await storeIn(clusterUrl(first.process));
    await works(store);
    // What a node says of a slot that has moved has no host either.
    const slot = slotOf(partitionOf(ids[0] ?? ""));
    const from = await cluster.primaryOf(slot);
    const to = cluster.nodes.find((node) => node !== from);
    if (to === undefined) throw new Error("the cluster has one node");
    const move = await cluster.startMove(slot, to);
    await move.finish();
    expect(await store.get(ids)).toMatchObject(ids.map((id) => ({ id })));
  });

  test("is told from a single server by each node", async () => {
    for (const { process } of cluster.nodes) {
      const store = await storeIn(process.url);
      await until(async () => expect(await reasonOf(store)).toMatch(isInCluster));
    }
  });

  test("whose nodes announce ports that cannot be reached, with a map", async () => {
    const unreachable = new Map(cluster.nodes.map(({ process }, index) => [process.port, index + 1]));
    for (const { admin, process } of cluster.nodes) {
      await admin.config("SET", "cluster-preferred-endpoint-type", "ip");
      await admin.config("SET", "cluster-announce-bus-port", process.port + 10_000);
      await admin.config("SET", "cluster-announce-port", unreachable.get(process.port) ?? 0);
    }
    await until(async () => {
      const slots = await first.admin.cluster("SLOTS");
      expect(new Set(slots.map(([, , primary]) => primary?.[1]))).toEqual(new Set(unreachable.values()));
    });
    const without = await storeIn(clusterUrl(first.process));
    await until(async () => expect(await reasonOf(without)).toMatch(/cannot be reached: .*ECONNREFUSED/));
    const entries = [...unreachable].map(([port, announced]) => `127.0.0.1:${announced}=127.0.0.1:${port}`);
    await works(await storeIn(clusterUrl(first.process), { redisNatMap: parseNatMap(entries.join()) }));
  });
});

describe("a map that is wrong", () => {
  let cluster: RedisCluster;
  let ports: readonly number[];
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 0, args: ["--appendonly", "yes"] });
    ports = cluster.nodes.map(({ process }) => process.port);
    return () => cluster.stop();
  });
  const entry = (from = 0, to = 0) => `127.0.0.1:${from}=127.0.0.1:${to}`;
  const storeWith = (...entries: string[]) => storeIn(cluster.url, { redisNatMap: parseNatMap(entries.join()) });

  test("leads to nothing: the other nodes serve, and the entry is named", async () => {
    const wrong = entry(ports[0], 1);
    const store = await storeWith(wrong);
    const reached = `Redis at 127.0.0.1:1 (by ${wrong} of --redis-nat-map: is that right?) cannot be reached: `;
    await until(async () => expect(await store.check()).toEqual([expect.stringContaining(reached)]));
    expect(await store.warnings()).toEqual([expect.stringContaining(reached)]);
  });

  test("swaps two nodes: the store is not ready, and an entry is named", async () => {
    const [first, second] = [entry(ports[0], ports[1]), entry(ports[1], ports[0])];
    const store = await storeWith(first, second);
    await until(async () =>
      expect([
        `Error: Redis at 127.0.0.1:${ports[1]} (by ${first} of --redis-nat-map: is that right?) is another server than the one announced at 127.0.0.1:${ports[0]}`,
        `Error: Redis at 127.0.0.1:${ports[0]} (by ${second} of --redis-nat-map: is that right?) is another server than the one announced at 127.0.0.1:${ports[1]}`,
      ]).toContain((await reasonOf(store)).replace("NotSentError", "Error")),
    );
  });

  test("leads to one node in place of two: the store is not ready, and the entry is named", async () => {
    for (const [from, to] of [
      [ports[0], ports[1]],
      [ports[1], ports[0]],
    ]) {
      const wrong = entry(from, to);
      const store = await storeWith(wrong);
      const told = `(by ${wrong} of --redis-nat-map: is that right?) is another server than the one announced at 127.0.0.1:${from}`;
      await until(async () => expect(await reasonOf(store)).toContain(told));
    }
  });

  test.each([
    ["no cluster", async () => redisWith()],
    ["another cluster", async () => (await nodeAlone())[0]],
  ])("leads to a server of %s, which gets no user", async (what, start) => {
    const foreign = await start();
    const wrong = entry(ports[0], foreign.port);
    const store = await storeWith(wrong);
    const at = `Redis at 127.0.0.1:${foreign.port} (by ${wrong} of --redis-nat-map: is that right?)`;
    await until(async () => expect(await reasonOf(store)).toBe(`NotSentError: ${at} belongs to ${what}`));
    const outcomes = await Promise.allSettled(ids.map((id) => store.write([command(id, { n: 1 })])));
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(["fulfilled", "rejected"]));
    expect(await adminOf(foreign).dbsize()).toBe(0);
  });
});

test("a node that announces a host that cannot be reached, with a map of hosts", async () => {
  const [node] = await nodeAlone("--cluster-announce-ip", nobody);
  await works(await storeIn(clusterUrl(node), { redisNatMap: parseNatMap(`${nobody}=127.0.0.1`) }));
});

test("Sentinels that name a primary at an address that cannot be reached, with a map", async () => {
  const redis = await redisWith();
  const lines = [`sentinel monitor users ${nobody} 6379 1`, "sentinel down-after-milliseconds users 600000"];
  const sentinel = await startRedis({ sentinel: lines });
  onTestFinished(() => sentinel.stop());
  const url = `redis+sentinel://127.0.0.1:${sentinel.port}/users`;
  await works(await storeIn(url, { redisNatMap: parseNatMap(`${nobody}:6379=127.0.0.1:${redis.port}`) }));
});

test("redis+cluster:// for a server that is in none says so", async () => {
  const redis = await redisWith();
  const store = await storeIn(clusterUrl(redis));
  await until(async () => expect(await reasonOf(store)).toContain("cluster support disabled"));
});

test("a replica in place of its primary", async () => {
  const primary = await redisWith();
  const replica = await redisWith("--replicaof", `127.0.0.1 ${primary.port}`, "--appendonly", "yes");
  const store = await storeIn(replica.url);
  const at = `127.0.0.1:${replica.port}`;
  await until(async () =>
    expect(await reasonOf(store)).toBe(
      `Error: Redis at ${at} is a replica, which takes no writes: --store is to name the primary`,
    ),
  );
  // One that takes writes loses them.
  await adminOf(replica).config("SET", "replica-read-only", "no");
  await until(() => store.check().then(() => true));
  expect(await store.warnings()).toEqual([
    `Redis is a replica, which loses what is written to it: --store is to name the primary (${at})`,
  ]);
});
