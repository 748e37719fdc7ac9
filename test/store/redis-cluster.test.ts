import { expect, onTestFinished, test } from "vitest";
import { partitionOf, slotOf } from "../../src/store/redis/keys.ts";
import { command } from "../support/commands.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { inFull } from "../support/repeats.ts";
import { openRedis, openTemporaryCluster } from "../support/stores.ts";
import { until } from "../support/until.ts";
import { storeConformance } from "./conformance.ts";
import { storeIsLikeTheModel } from "./model-based.ts";

storeConformance("Redis Cluster", openTemporaryCluster);
// What the commands mean is tested over one server; here it is that every one of them finds its way.
storeIsLikeTheModel("Redis Cluster", openTemporaryCluster, inFull ? 200 : 50);

test("a chunk of 1,000 users takes one script call for each partition", async () => {
  const cluster = await startCluster({ replicas: 0 });
  onTestFinished(() => cluster.stop());
  const store = await openRedis(cluster.url);
  onTestFinished(() => store.close());
  const chunk = (n: number) =>
    Array.from({ length: 1_000 }, (_, index) => command(`user-${index}`, { n }, { wantUser: false }));
  // The servers have the script afterwards.
  await until(() => store.write(chunk(1)).then(() => true));
  for (const { admin } of cluster.nodes) await admin.config("RESETSTAT");
  await store.write(chunk(2));
  const statistics = await Promise.all(cluster.nodes.map(({ admin }) => admin.info("commandstats")));
  const calls = statistics.join().matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g);
  const partitions = new Set(chunk(2).map(({ id }) => partitionOf(id)));
  expect(partitions.size).toBe(64);
  expect(calls.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(partitions.size);
});

test("a cluster is available while some of its primaries are", async () => {
  const cluster = await startCluster({ replicas: 0, args: ["--cluster-require-full-coverage", "no"] });
  onTestFinished(() => cluster.stop());
  const store = await openRedis(cluster.url);
  onTestFinished(() => store.close());
  await until(() => store.check().then(() => true));
  const last = await cluster.primaryOf(slotOf(63));
  for (const node of cluster.nodes) if (node !== last) node.process.kill("SIGKILL");
  await until(() => store.check().then(() => true));
  last.process.kill("SIGKILL");
  await until(() =>
    store.check().then(
      () => false,
      ({ reason }) => reason === "STORE_UNAVAILABLE",
    ),
  );
});
