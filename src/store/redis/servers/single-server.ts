import type { Redis } from "ioredis";
import { reachableAt } from "../../../config/redis-nat-map.ts";
import type { RedisAccess } from "./access.ts";
import { parseAnnounced } from "./addresses.ts";
import { Connection, connect, connectionOptions, RedisClient, reconnectPause } from "./connection.ts";
import { RedisNode } from "./node.ts";
import type { Servers } from "./servers.ts";

/** After so long without an answer, the next Sentinel is asked. ioredis would wait forever. */
const sentinelTimeoutMs = 1_000;

/** One server with all partitions: the one at an address, or the primary that Sentinels name. */
export function openSingleServer(access: RedisAccess, waitReplicas: number): Servers {
  const { endpoints, masterName } = access.location;
  const [first] = endpoints;
  if (first === undefined) throw new Error("no server is given");
  const open = () => (masterName === undefined ? connect(access, first) : connectBySentinel(access, masterName));
  const node = new RedisNode(first, () => new Connection(open(), access), waitReplicas);
  return {
    partitioned: false,
    partitionOfEach: () => [0],
    nodeOf: () => node,
    redirected() {
      throw new Error("Redis answers as a part of a cluster: --store is to begin with redis+cluster://");
    },
    refresh() {},
    primaries: () => [node],
    close: () => node.close(),
  };
}

function connectBySentinel(access: RedisAccess, name: string): Redis {
  const { sentinelUsername, tls, location, natMap } = access;
  return new RedisClient({
    ...connectionOptions(access),
    sentinels: location.endpoints.map(({ host, port }) => ({ host, port })),
    name,
    // Leaves a primary that Sentinels have replaced at once, even if it still runs.
    failoverDetector: true,
    sentinelRetryStrategy: reconnectPause,
    sentinelCommandTimeout: sentinelTimeoutMs,
    natMap: (address) => reachableAt(natMap, parseAnnounced(address)),
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(location.tls ? { sentinelTLS: { ...tls }, enableTLSForSentinelMode: true } : {}),
  });
}
