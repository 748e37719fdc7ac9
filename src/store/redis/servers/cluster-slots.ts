/** Asks a server of a cluster which servers have which slots. */
import type { Address } from "../../../config/address.ts";
import { type NatMap, reachableAt } from "../../../config/redis-nat-map.ts";
import type { RedisAccess } from "./access.ts";
import { connect } from "./connection.ts";
import { within } from "./within.ts";

/** How long a server may take before another is asked. */
const answerTimeoutMs = 300;

interface SlotRange {
  readonly from: number;
  readonly to: number;
  /** The primary, then its replicas. */
  readonly servers: readonly [Address, ...Address[]];
  readonly primaryId: unknown;
}

interface Slots {
  readonly ranges: readonly SlotRange[];
  /** The ids of the servers, which distinguish clusters. */
  readonly ids: ReadonlySet<string>;
}

/** @throws Error that says why there is no answer */
export async function askSlots(access: RedisAccess, asked: Address): Promise<Slots> {
  // A connection of its own, so that nothing holds it up.
  const options = { enableOfflineQueue: true, enableReadyCheck: false, retryStrategy: () => null };
  const redis = connect(access, asked, options);
  let failure: Error | undefined;
  redis.on("error", (error: Error) => {
    failure ??= error;
  });
  try {
    const answer = await within(answerTimeoutMs, redis.call("CLUSTER", "SLOTS"));
    return { ranges: readSlots(answer, asked, access.natMap), ids: idsIn(answer) };
  } catch (error) {
    // The error of a command that was never sent only says that the connection is closed.
    throw failure ?? error;
  } finally {
    redis.disconnect();
  }
}

/**
 * Reads an answer to CLUSTER SLOTS: https://redis.io/docs/latest/commands/cluster-slots/
 *
 * @param asked the server that was asked. Servers without an endpoint are at its host
 * @returns the ranges whose primary has an address
 * @throws TypeError if the answer is something else
 */
function readSlots(answer: unknown, asked: Address, natMap: NatMap): readonly SlotRange[] {
  return listOf(answer).flatMap((range) => {
    const [from, to, ...rest] = listOf(range);
    if (typeof from !== "number" || typeof to !== "number") throw new TypeError(unexpected);
    const [primary, ...replicas] = rest
      .map((server) => readServer(server, asked))
      .map((each) => each && reachableAt(natMap, each));
    if (primary === undefined) return [];
    const [, , primaryId] = listOf(rest[0]);
    return [{ from, to, primaryId, servers: [primary, ...replicas.filter((replica) => replica !== undefined)] }];
  });
}

/** The ids of all servers in an answer to CLUSTER SLOTS. */
export function idsIn(answer: unknown): ReadonlySet<string> {
  const servers = listOf(answer).flatMap((range) => listOf(range).slice(2));
  return new Set(servers.flatMap((server) => listOf(server)[2] ?? []).filter((id) => typeof id === "string"));
}

function readServer(server: unknown, asked: Address): Address | undefined {
  const [endpoint, port, , metadata] = listOf(server);
  if (typeof port !== "number") throw new TypeError(unexpected);
  if (endpoint === null || endpoint === "") return { host: asked.host, port };
  // Hostnames are preferred, and the server has none.
  const host = endpoint === "?" ? addressIn(metadata) : endpoint;
  return typeof host === "string" ? { host, port } : undefined;
}

/** The IP address in a list of names and values. */
function addressIn(metadata: unknown): unknown {
  const words = Array.isArray(metadata) ? metadata : [];
  const at = words.indexOf("ip");
  return at < 0 ? undefined : words[at + 1];
}

const unexpected = "CLUSTER SLOTS was answered with something else than slots";

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(unexpected);
  return value;
}
