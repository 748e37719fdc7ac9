/** What befalls Redis while imports and single writes run; each scenario in servers of its own, which it leaves whole. */
import { partitionCount, slotOf } from "../../src/store/redis/keys.ts";
import { against, type Course, type FaultReport, progress, type ScenarioOptions } from "./fault-course.ts";
import type { FaultLoadOptions } from "./fault-load.ts";
import { type ClusterNode, type RedisCluster, startCluster } from "./redis-cluster.ts";
import { type SentinelGroup, startSentinels, type WatchedServer } from "./redis-sentinel.ts";
import { repeats } from "./repeats.ts";
import { until } from "./until.ts";

export interface FaultScenario {
  readonly name: string;
  /** Whether everything that is acknowledged must be there afterwards. */
  readonly keepsAll: boolean;
  /**
   * Makes the fault happen so many times and says what the callers saw.
   *
   * @param seed decides which primary is next, and how long after the last fault
   */
  run(times: number, seed: number, load: ScenarioOptions): Promise<Readonly<FaultReport>>;
}

/** As `repeats`: the full load, or for everyday a smaller one, of which each fault meets items in flight too. */
export const testLoad: FaultLoadOptions = {
  importers: repeats(2),
  writers: 1 + repeats(3),
  users: repeats(1_000),
};
const onDisk = ["--appendonly", "yes", "--appendfsync", "always"];
const waiting = { redisWaitReplicas: 1 };
const failoverTimeoutMs = 30_000;

export const faultScenarios = {
  killedWaiting: {
    name: "a primary of a cluster killed (SIGKILL), waiting for 1 replica",
    keepsAll: true,
    run: (times, seed, load) =>
      against(startCluster({}), { redis: waiting, load, seed }, (cluster, course) =>
        killPrimaries(cluster, times, course),
      ),
  },
  killed: {
    name: "a primary of a cluster killed (SIGKILL), not waiting",
    keepsAll: false,
    run: (times, seed, load) =>
      against(startCluster({}), { redis: {}, load, seed, loses: true }, (cluster, course) =>
        killPrimaries(cluster, times, course),
      ),
  },
  stopped: {
    name: "a primary of a cluster stopped (SIGSTOP) until its replica has taken over, waiting for 1 replica",
    keepsAll: true,
    run: (times, seed, load) =>
      against(startCluster({}), { redis: waiting, load, seed }, async (cluster, course) => {
        for (let at = 0; at < times; at++) {
          const primary = await nextPrimary(cluster, course);
          primary.process.kill("SIGSTOP");
          await failedOver(cluster, primary);
          primary.process.kill("SIGCONT");
          await cluster.whole();
        }
      }),
  },
  emptied: {
    name: "a primary of a cluster killed and restarted empty before its failover, waiting for 1 replica",
    keepsAll: false,
    run: (times, seed, load) =>
      against(
        startCluster({ nodeTimeoutMs: 15_000 }),
        { redis: waiting, load, seed, loses: true },
        async (cluster, course) => {
          for (let at = 0; at < times; at++) {
            const primary = await nextPrimary(cluster, course);
            primary.process.kill("SIGKILL");
            await primary.process.restart();
            await cluster.whole();
          }
        },
      ),
  },
  restarted: {
    name: "every server of a cluster killed and restarted, appendfsync always",
    keepsAll: true,
    run: (times, seed, load) =>
      against(startCluster({ args: onDisk }), { redis: {}, load, seed }, async (cluster, course) => {
        for (let at = 0; at < times; at++) {
          await progress(course);
          for (const { process } of cluster.nodes) process.kill("SIGKILL");
          await Promise.all(cluster.nodes.map(({ process }) => process.restart()));
          await cluster.whole();
        }
      }),
  },
  resharded: {
    name: "half of the users' slots moved to another primary",
    keepsAll: true,
    run: (times, seed, load) =>
      against(startCluster({}), { redis: {}, load, seed }, async (cluster, course) => {
        for (let at = 0; at < times; at++) {
          await progress(course);
          const primaries = await cluster.primaries();
          for (let partition = at % 2; partition < partitionCount; partition += 2) {
            const slot = slotOf(partition);
            const from = primaries.indexOf(await cluster.primaryOf(slot));
            const to = primaries[(from + 1) % primaries.length];
            if (to !== undefined) await (await cluster.startMove(slot, to)).finish();
          }
        }
      }),
  },
  takenOver: {
    name: "a replica told to take over (CLUSTER FAILOVER), then SCRIPT FLUSH everywhere, waiting for 1 replica",
    keepsAll: true,
    run: (times, seed, load) =>
      against(startCluster({}), { redis: waiting, load, seed }, async (cluster, course) => {
        for (let at = 0; at < times; at++) {
          const primary = await nextPrimary(cluster, course);
          // It may take a moment until the primary knows.
          const replica = await until(() => replicaOf(cluster, primary));
          // A replica that is not in step within five seconds lets it be, and can be told again.
          await until(async () => {
            await replica.admin.cluster("FAILOVER");
            await failedOver(cluster, primary, 6_000);
          }, failoverTimeoutMs);
          await cluster.whole();
          for (const { admin } of await cluster.primaries()) await admin.script("FLUSH");
        }
      }),
  },
  cut: {
    name: "all connections to a cluster's primaries cut (CLIENT KILL), while answers wait for 1 replica",
    keepsAll: true,
    run: (times, seed, load) =>
      against(startCluster({}), { redis: waiting, load, seed }, async (cluster, course) => {
        for (let at = 0; at < times; at++) {
          await progress(course);
          const primaries = await cluster.primaries();
          const replicas = cluster.nodes.filter((node) => !primaries.includes(node));
          for (const { process } of replicas) process.kill("SIGSTOP");
          // A write has been made, and its answer is held back: it is lost for certain.
          await until(async () => (await Promise.all(primaries.map(answersHeldBack))).includes(true));
          await Promise.all(
            primaries.map(({ admin }) => admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")),
          );
          for (const { process } of replicas) process.kill("SIGCONT");
        }
      }),
  },
  full: {
    name: "maxmemory reached and raised again",
    keepsAll: true,
    run: (times, seed, load) =>
      against(startCluster({ replicas: 0 }), { redis: {}, load, seed }, async (cluster, course) => {
        for (let at = 0; at < times; at++) {
          await progress(course);
          for (const { admin } of cluster.nodes) await admin.config("SET", "maxmemory", "1");
          const before = course.load.report.refused;
          await until(() => course.load.report.refused > before);
          for (const { admin } of cluster.nodes) await admin.config("SET", "maxmemory", "0");
        }
      }),
  },
  sentinelKilled: {
    name: "the primary behind Sentinel killed (SIGKILL), waiting for 1 replica",
    keepsAll: true,
    run: (times, seed, load) =>
      against(startSentinels(), { redis: waiting, load, seed }, async (group, course) => {
        for (let at = 0; at < times; at++) {
          await progress(course);
          const primary = await group.primary();
          primary.process.kill("SIGKILL");
          await until(async () => (await group.primary()) !== primary, failoverTimeoutMs);
          await primary.process.restart();
          await follow(group, primary);
        }
      }),
  },
  sentinelTakenOver: {
    name: "a replica behind Sentinel told to take over (SENTINEL FAILOVER), waiting for 1 replica",
    keepsAll: true,
    run: (times, seed, load) =>
      against(startSentinels(), { redis: waiting, load, seed }, async (group, course) => {
        for (let at = 0; at < times; at++) {
          await progress(course);
          const primary = await group.primary();
          await until(() => group.failOver().then(() => true));
          await until(async () => (await group.primary()) !== primary, failoverTimeoutMs);
          await follow(group, primary);
        }
      }),
  },
} satisfies Record<string, FaultScenario>;

/** The primary of some partition, once the load has made progress. */
async function nextPrimary(cluster: RedisCluster, course: Course): Promise<ClusterNode> {
  await progress(course);
  return cluster.primaryOf(slotOf(Math.floor(course.random() * partitionCount)));
}

async function killPrimaries(cluster: RedisCluster, times: number, course: Course): Promise<void> {
  for (let at = 0; at < times; at++) {
    const primary = await nextPrimary(cluster, course);
    primary.process.kill("SIGKILL");
    await failedOver(cluster, primary);
    await primary.process.restart();
    await cluster.whole();
  }
}

/** Whether clients of a server wait for its replicas. */
async function answersHeldBack({ admin }: ClusterNode): Promise<boolean> {
  return /^blocked_clients:[1-9]/m.test(await admin.info("clients"));
}

async function failedOver(cluster: RedisCluster, from: ClusterNode, timeoutMs = failoverTimeoutMs): Promise<void> {
  await until(async () => !(await cluster.primaries()).includes(from), timeoutMs);
}

async function replicaOf(cluster: RedisCluster, primary: ClusterNode): Promise<ClusterNode> {
  const lines = await primary.admin.call("CLUSTER", "REPLICAS", primary.id);
  const line = Array.isArray(lines) ? String(lines[0]) : "";
  const replica = cluster.nodes.find(({ id }) => line.startsWith(id));
  if (replica === undefined) throw new Error("the primary has no replica");
  return replica;
}

/** Makes a former primary a replica; the Sentinels would too, ten seconds later. */
async function follow(group: SentinelGroup, former: WatchedServer): Promise<void> {
  const { port } = (await group.primary()).process;
  await until(() => former.admin.replicaof("127.0.0.1", port));
  await group.whole();
}
