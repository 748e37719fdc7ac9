import { performance } from "node:perf_hooks";
import { Cluster } from "ioredis";
import type { Endpoint } from "../../config/redis-url.ts";
import { Connection, connect, connectionOptions, type RedisAccess, reconnectPause } from "./connection.ts";
import { NotSentError } from "./failures.ts";
import { slotOf } from "./keys.ts";
import { RedisNode } from "./node.ts";
import type { Servers } from "./servers.ts";

/** Where the partitions are is asked for so often even if nothing fails. */
const refreshIntervalMs = 5_000;
/** And at most so often while something does. */
const minRefreshIntervalMs = 100;
/** How long one node may take to tell, before another is asked. */
const refreshTimeoutMs = 300;
/** Connections to a server that nobody needed for so long are closed. */
const idleNodeMs = 60_000;

interface KnownNode {
  readonly node: RedisNode;
  usedAt: number;
}

/**
 * The servers of a cluster. ioredis finds out which server has which slots; the connections over which scripts run are
 * our own, one to a server, so that what is sent to a server, when, and how often, is decided in one place.
 */
export function openCluster(access: RedisAccess, waitReplicas: number): Servers {
  const { endpoints } = access.location;
  const cluster = new Cluster(
    endpoints.map(({ host, port }) => ({ host, port })),
    {
      redisOptions: connectionOptions(access),
      clusterRetryStrategy: reconnectPause,
      slotsRefreshTimeout: refreshTimeoutMs,
      // Names are resolved by each connection, which checks them against the server's certificate.
      dnsLookup: (address, callback) => callback(null, address),
    },
  );
  let lastError: Error | undefined;
  cluster.on("error", access.onConnectionError);
  cluster.on("node error", (error: Error) => {
    lastError = error;
    access.onConnectionError(error);
  });

  const nodes = new Map<string, KnownNode>();
  const nodeAt = (endpoint: Endpoint): RedisNode => {
    const address = `${endpoint.host}:${endpoint.port}`;
    let known = nodes.get(address);
    if (known === undefined) {
      const open = () => new Connection(connect(access, endpoint), access.onConnectionError);
      known = { node: new RedisNode(endpoint, open, waitReplicas), usedAt: 0 };
      nodes.set(address, known);
    }
    known.usedAt = performance.now();
    return known.node;
  };
  const primaryOf = (slot: number): Endpoint | undefined => {
    const address = cluster.slots[slot]?.[0];
    return address === undefined ? undefined : parseAddress(address);
  };

  /** What MOVED said since the cluster was last asked. */
  const moved = new Map<number, Endpoint>();
  let refreshing = false;
  let refreshedAt = Number.NEGATIVE_INFINITY;
  const refresh = () => {
    if (refreshing || performance.now() - refreshedAt < minRefreshIntervalMs) return;
    refreshing = true;
    refreshedAt = performance.now();
    cluster.refreshSlotsCache((error) => {
      refreshing = false;
      if (error) return;
      moved.clear();
      for (const [address, { node, usedAt }] of nodes) {
        if (performance.now() - usedAt < idleNodeMs) continue;
        nodes.delete(address);
        node.close();
      }
    });
  };
  const timer = setInterval(refresh, refreshIntervalMs).unref();

  return {
    partitioned: true,
    nodeOf(partition) {
      const endpoint = moved.get(partition) ?? primaryOf(slotOf(partition));
      if (endpoint === undefined) throw new NotSentError(`no server is known: ${lastError?.message ?? "asking"}`);
      return nodeAt(endpoint);
    },
    redirected(partition, reply, from) {
      const { host, port } = parseAddress(reply.split(" ")[2] ?? "");
      const endpoint = { host: host || from.endpoint.host, port };
      if (reply.startsWith("MOVED")) {
        moved.set(partition, endpoint);
        refresh();
      }
      return nodeAt(endpoint);
    },
    refresh,
    primaries() {
      const addresses = new Set(cluster.slots.flatMap((slot) => slot?.[0] ?? []));
      return [...addresses].map((address) => nodeAt(parseAddress(address)));
    },
    close() {
      clearInterval(timer);
      cluster.disconnect();
      for (const { node } of nodes.values()) node.close();
    },
  };
}

/** @param text a host, which may have colons itself or be empty, a colon and a port */
function parseAddress(text: string): Endpoint {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, Math.max(colon, 0)).replace(/^\[|\]$/g, ""), port: Number(text.slice(colon + 1)) };
}
