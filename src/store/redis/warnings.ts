import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { NotSentError } from "./failures.ts";
import type { RedisNode } from "./servers/node.ts";
import type { Servers } from "./servers/servers.ts";

const oldestMajorVersion = 7;
/** How long to wait for connections. */
const patienceMs = 1_000;
const retryPauseMs = 20;

/** Checks the configuration of Redis. @returns a line for each finding, with its servers */
export async function findWarnings(servers: Servers, waitReplicas: number): Promise<readonly string[]> {
  const waitUntil = performance.now() + patienceMs;
  while (servers.primaries().length === 0 && performance.now() < waitUntil) await delay(retryPauseMs);
  const nodes = servers.primaries();
  if (nodes.length === 0) return ["Redis: no server is known; is the cluster's address right, and is it a cluster?"];
  const found = new Map<string, string[]>();
  await Promise.all(
    nodes.map(async (node) => {
      for (const finding of await findingsOf(node, servers.partitioned, waitReplicas, waitUntil)) {
        found.set(finding, [...(found.get(finding) ?? []), node.address]);
      }
    }),
  );
  return [...found].map(([finding, addresses]) => `${finding} (${addresses.sort().join(", ")})`);
}

async function findingsOf(
  node: RedisNode,
  expectCluster: boolean,
  waitReplicas: number,
  waitUntil: number,
): Promise<string[]> {
  let sections: ReadonlyMap<string, string>[];
  try {
    sections = await onceConnected(() => Promise.all(infoSections.map((section) => node.info(section))), waitUntil);
  } catch (error) {
    return [`Redis cannot be examined: ${error instanceof Error ? error.message : error}`];
  }
  const info = (name: string) => sections.flatMap((section) => section.get(name) ?? [])[0] ?? "";
  const findings: string[] = [];

  const version = info("redis_version");
  if (Number.parseInt(version, 10) < oldestMajorVersion) {
    findings.push(`Redis ${version} is older than ${oldestMajorVersion}.0, the oldest that is supported`);
  }
  const policy = info("maxmemory_policy");
  if (policy !== "noeviction") {
    findings.push(`maxmemory-policy is ${policy}: Redis deletes users when memory runs out; set it to noeviction`);
  }
  // If CONFIG is not allowed, as with many hosted servers, the provider takes care of snapshots.
  const snapshots = await node.ask("CONFIG", "GET", "save").catch(() => undefined);
  if (info("aof_enabled") === "0" && Array.isArray(snapshots) && snapshots[1] === "") {
    findings.push("Redis writes nothing to disk: a restart loses every user; set appendonly yes");
  }
  if (!expectCluster && info("cluster_enabled") === "1") {
    findings.push("Redis is a part of a cluster: --store is to begin with redis+cluster://");
  }
  if (expectCluster) {
    const state = String(await node.ask("CLUSTER", "INFO").catch(() => ""));
    const slots = /cluster_slots_ok:(\d+)/.exec(state)?.[1];
    if (slots !== undefined && slots !== "16384") {
      findings.push(`the cluster is incomplete: ${slots} of 16384 slots are served`);
    }
  }
  if (info("role") === "slave") {
    findings.push("Redis is a replica, which loses what is written to it: --store is to name the primary");
  }
  const replicas = Number(info("connected_slaves"));
  if (replicas < waitReplicas) {
    findings.push(`${replicas} replicas are connected, and --redis-wait-replicas is ${waitReplicas}: writes fail`);
  }
  return findings;
}

/** Retries until there is a connection, or the reason is known why there is none. */
async function onceConnected<Result>(attempt: () => Promise<Result>, waitUntil: number): Promise<Result> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isEarly = error instanceof NotSentError && error.cause === undefined;
      if (!isEarly || performance.now() >= waitUntil) throw error;
    }
    await delay(retryPauseMs);
  }
}

const infoSections = ["server", "memory", "persistence", "replication", "cluster"];
