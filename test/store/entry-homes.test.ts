/** Stores that move from a single Redis to a cluster, or back: the entries of indexes are kept elsewhere there. */
import type { Cluster, Redis } from "ioredis";
import { expect, test } from "vitest";
import { createKeys, everyPartition } from "../../src/store/redis/keys.ts";
import { entryPrefix } from "../../src/users/indexes/entries.ts";
import { command } from "../support/commands.ts";
import { entriesIn, expectEntriesInLine, openIndexed, type RunningServers } from "../support/indexed-redis.ts";
import { startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { sweepAll } from "../support/sweep-all.ts";
import { until } from "../support/until.ts";
import { verified } from "../support/verified.ts";

const keys = createKeys("rollcall:");
const ids = Array.from({ length: 300 }, (_, n) => `user ${n}`);
const starting = {
  "a single server": (): Promise<RunningServers> => startRedis(),
  "a cluster": (): Promise<RunningServers> => startCluster({ primaries: 2, replicas: 0 }),
};

/** Brings all keys of a store to other servers, as a migration does. */
async function copy(from: Redis | Cluster, to: Redis | Cluster): Promise<void> {
  const single = everyPartition.flatMap((partition) =>
    [keys.ids, keys.entries, keys.configuration, keys.sweep].map((of) => of(partition)),
  );
  for (const key of [...single, ...ids.map(keys.user)]) {
    const dumped = await from.dumpBuffer(key);
    await to.del(key);
    if (dumped !== null) await to.restore(key, 0, dumped);
  }
}

test.each([
  ["a single server", "a cluster"],
  ["a cluster", "a single server"],
] as const)("indexes of %s are built anew in %s", async (from, to) => {
  const old = await openIndexed(starting[from](), "plan");
  await old.store.write(ids.map((id, n) => command(id, { plan: `${n % 3}` })));
  const present = await openIndexed(starting[to](), "");
  await copy(old.redis, present.redis);
  const { adapter, store } = await present.another();

  const states = () => store.configuration()?.indexes.map(({ state }) => state);
  await until(async () => {
    await store.check();
    return states()?.length === 1;
  });
  const { status, stderr } = await verified(present.servers.url);
  expect([status, stderr]).toEqual([2, expect.stringContaining(`built on ${from}, and this is ${to}`)]);
  // No search takes the entries for all.
  expect(states()).toEqual(["building"]);
  await store.write([command("user 0", { plan: "new" }), command("user 1", { plan: "2" })]);
  await sweepAll(adapter);
  await store.check();
  expect(states()).toEqual(["ready"]);
  const { generation = 0, indexes = [] } = store.configuration() ?? {};
  const all = entryPrefix(indexes[0]?.number ?? 0);
  expect(await store.countEntries(all, generation)).toBe(ids.length);
  await expectEntriesInLine(store, present.redis);
  expect(await entriesIn(present.redis)).toHaveLength(ids.length);
  expect(await verified(present.servers.url)).toMatchObject({ status: 0, findings: [] });
});
