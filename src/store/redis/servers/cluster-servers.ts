import { performance } from "node:perf_hooks";
import type { Redis } from "ioredis";
import { type Address, formatAddress } from "../../../config/address.ts";
import { entryTo, reachableAt } from "../../../config/redis-nat-map.ts";
import { NotSentError, WrongServerError } from "../failures.ts";
import { partitionCount, slotOf } from "../keys.ts";
import type { RedisAccess } from "./access.ts";
import { parseAnnounced } from "./addresses.ts";
import { askSlots, idsIn } from "./cluster-slots.ts";
import { Connection, connect } from "./connection.ts";
import { explained, nameOfAddress } from "./failure-words.ts";
import { RedisNode } from "./node.ts";
import type { Servers } from "./servers.ts";

/** How often the map of slots is refreshed while nothing fails. */
const refreshIntervalMs = 5_000;
/** The least time between two refreshes after failures. */
const minRefreshIntervalMs = 100;
/** Connections to a server are closed after so long without use. */
const idleNodeMs = 60_000;

interface KnownNode {
  readonly node: RedisNode;
  usedAt: number;
}

const slots = Array.from({ length: partitionCount }, (_, partition) => slotOf(partition));

/** The servers of a cluster. Any of them tells which server has which slots. Scripts run over one connection to each. */
export function openCluster(access: RedisAccess, waitReplicas: number): Servers {
  /** The ids of the cluster's servers in the last answer. */
  let ids: ReadonlySet<string> = new Set();
  const isMapped = (endpoint: Address) => entryTo(access.natMap, endpoint) !== undefined;
  const checkIds = (others: ReadonlySet<string>, endpoint: Address) => {
    if (ids.size > 0 && others.size > 0 && ![...others].some((id) => ids.has(id))) {
      throw new WrongServerError("belongs to another cluster", isMapped(endpoint));
    }
  };
  const admit = async (redis: Redis, endpoint: Address) => {
    const answer = await redis.call("CLUSTER", "SLOTS").catch((error: Error) => {
      if (!/cluster support disabled/.test(error.message)) throw error;
      throw new WrongServerError("belongs to no cluster", isMapped(endpoint));
    });
    checkIds(idsIn(answer), endpoint);
  };

  const nodes = new Map<string, KnownNode>();
  const nodeAt = (endpoint: Address): RedisNode => {
    const address = formatAddress(endpoint);
    let known = nodes.get(address);
    if (known === undefined) {
      const open = () => new Connection(connect(access, endpoint), access, (redis) => admit(redis, endpoint));
      known = { node: new RedisNode(endpoint, open, waitReplicas), usedAt: 0 };
      nodes.set(address, known);
    }
    known.usedAt = performance.now();
    return known.node;
  };
  const isConfigured = (endpoint: Address) =>
    access.location.endpoints.some((each) => formatAddress(each) === formatAddress(endpoint));
  const closeIdle = () => {
    for (const [address, { node, usedAt }] of nodes) {
      if (performance.now() - usedAt < idleNodeMs) continue;
      nodes.delete(address);
      node.close();
    }
  };

  /** The primary of each partition in the last answer. */
  const primaries: (Address | undefined)[] = [];
  const primaryIds: unknown[] = [];
  /** The primaries that MOVED has named since. */
  const moved = new Map<number, Address>();
  const endpointOf = (partition: number) => moved.get(partition) ?? primaries[partition];
  /** The servers of the last answer, which are asked beside the configured ones. */
  let told: readonly Address[] = [];
  let turn = 0;
  /** Servers that did not answer when they were last asked. */
  const silent = new Set<string>();
  let lastError: Error | undefined;
  let closed = false;

  /**
   * Asks one server after another for the slots until one answers. Begins with another server each time, because a server
   * may be cut off from the rest, and asks silent ones last.
   */
  const ask = async () => {
    const known = new Map(
      [...access.location.endpoints, ...told].map((endpoint) => [formatAddress(endpoint), endpoint]),
    );
    for (const address of silent) if (!known.has(address)) silent.delete(address);
    const candidates = [...known.values()];
    const first = turn++ % candidates.length;
    const inTurn = [...candidates.slice(first), ...candidates.slice(0, first)];
    const isSilent = (endpoint: Address) => Number(silent.has(formatAddress(endpoint)));
    for (const endpoint of inTurn.sort((a, b) => isSilent(a) - isSilent(b))) {
      try {
        const { ranges, ids: toldIds } = await askSlots(access, endpoint);
        // If the cluster was set up again, ids have changed: configured servers are trusted.
        if (!isConfigured(endpoint)) checkIds(toldIds, endpoint);
        if (ranges.length === 0) throw new Error(`${formatAddress(endpoint)} knows of no slot that a server has`);
        for (const { from, to, servers, primaryId } of ranges) {
          for (const [partition, slot] of slots.entries()) {
            if (slot < from || to < slot) continue;
            primaries[partition] = servers[0];
            primaryIds[partition] = primaryId;
          }
        }
        silent.delete(formatAddress(endpoint));
        told = ranges.flatMap(({ servers }) => servers);
        ids = toldIds;
        moved.clear();
        return;
      } catch (error) {
        if (closed) return;
        silent.add(formatAddress(endpoint));
        lastError = error instanceof Error ? error : new Error(String(error));
        const message = `${nameOfAddress(endpoint, access)}: ${explained(lastError, access)}`;
        access.onConnectionError(new Error(message, { cause: lastError }));
      }
    }
  };
  let refreshing = false;
  let refreshedAt = Number.NEGATIVE_INFINITY;
  const refresh = () => {
    if (closed || refreshing || performance.now() - refreshedAt < minRefreshIntervalMs) return;
    refreshing = true;
    refreshedAt = performance.now();
    void ask().then(() => {
      refreshing = false;
      closeIdle();
    });
  };
  refresh();
  const timer = setInterval(refresh, refreshIntervalMs).unref();

  return {
    partitioned: true,
    partitionOfEach() {
      // By the id too, because a wrong map may lead to one server instead of two.
      const found = new Map<string, number>();
      for (let partition = 0; partition < partitionCount; partition++) {
        const endpoint = endpointOf(partition);
        if (endpoint !== undefined) found.set(`${formatAddress(endpoint)} ${primaryIds[partition]}`, partition);
      }
      return [...found.values()];
    },
    nodeOf(partition) {
      const endpoint = endpointOf(partition);
      if (endpoint === undefined) throw noServer(access, lastError);
      return nodeAt(endpoint);
    },
    redirected(partition, reply, from) {
      const { host, port } = parseAnnounced(reply.split(" ")[2] ?? "");
      // A server without an endpoint is assumed at the same host until the slots are known.
      const isKnown = host !== "" && host !== "?";
      const endpoint = reachableAt(access.natMap, { host: isKnown ? host : from.endpoint.host, port });
      if (reply.startsWith("MOVED")) {
        if (isKnown && formatAddress(endpoint) === from.address && isMapped(endpoint)) {
          const what = `is another server than the one announced at ${formatAddress({ host, port })}`;
          const cause = new WrongServerError(what, true);
          throw new NotSentError(`${nameOfAddress(endpoint, access)} ${what}`, { cause });
        }
        moved.set(partition, endpoint);
        refresh();
      }
      return nodeAt(endpoint);
    },
    refresh,
    primaries: () => [...new Set(primaries.flatMap((endpoint) => (endpoint === undefined ? [] : nodeAt(endpoint))))],
    close() {
      closed = true;
      clearInterval(timer);
      for (const { node } of nodes.values()) node.close();
    },
  };
}

function noServer(access: RedisAccess, cause: Error | undefined): NotSentError {
  const { endpoints } = access.location;
  const reason = cause === undefined ? "none has answered yet" : explained(cause, access);
  return new NotSentError(`Redis' cluster cannot be reached at ${endpoints.map(formatAddress).join(", ")}: ${reason}`, {
    cause,
  });
}
