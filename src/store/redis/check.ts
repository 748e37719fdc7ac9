import type { RedisLocation } from "../../config/redis-url.ts";
import { storeUnavailable, UserError } from "../../users/errors.ts";
import { runScript } from "./call-runner.ts";
import { findCause, isForbidden, replyCode, WrongServerError } from "./failures.ts";
import { type Keys, partitionCount } from "./keys.ts";
import { neededPermissions } from "./permissions.ts";
import { loadScript, type Script } from "./script.ts";
import type { Servers } from "./servers/servers.ts";

/** How versions of Redis refuse a key. */
const aboutKeys = /\baccess (one of the keys|a key)\b/;

/** Why Redis refuses writes, by the code of its reply: the cause and the next step. */
const refusals: Readonly<Record<string, string>> = {
  READONLY: "it is a replica, which takes no writes: is a failover under way?",
  NOREPLICAS: "too few replicas follow it: start them again, or lower min-replicas-to-write",
  MISCONF: "it takes no writes because it could not save to its disk: give the disk room, and see Redis' log",
  OOM: "it has no memory left: raise maxmemory",
};

const script = loadScript("check");

interface CheckedStore {
  readonly servers: Servers;
  readonly keys: Keys;
  readonly keyPrefix: string;
  /** The scripts that requests run. */
  readonly scripts: readonly Script[];
  readonly location: RedisLocation;
  readonly waitReplicas: number;
  /** Whether a primary that has no memory left is a finding. Else it is none, because requests that need no memory are served. */
  readonly needsMemory?: boolean;
}

/** Why a primary cannot serve requests. */
interface Finding {
  readonly error: Error;
  /** Whether an operator must mend it: the user in Redis lacks a permission, or an address is wrong. */
  readonly lasting: boolean;
}

/**
 * Makes the readiness check. On every primary it does what requests do, and checks each permission that they need.
 *
 * @returns a function that rejects with STORE_UNAVAILABLE if no primary can serve requests, one lacks a permission, or an
 * entry of --redis-nat-map leads to another server; else resolves with the reasons why some primaries cannot serve requests
 */
export function createCheck(store: CheckedStore): () => Promise<readonly string[]> {
  const { servers, keys, keyPrefix, location, waitReplicas, needsMemory = false } = store;
  const usage = {
    scripts: [...store.scripts, script],
    keyPrefix,
    isCluster: servers.partitioned,
    database: location.database,
    waitReplicas,
  };

  async function checkAt(partition: number): Promise<Finding | undefined> {
    const examples = keys.examples(partition);
    const permissions = neededPermissions(usage, examples);
    const lines = permissions.map((permission) => permission.examples.join("\t")).join("\n");
    // A single key is found even while its slot moves. On a single server, requests have keys of several slots.
    const others = servers.partitioned ? [] : [keys.examples((partition + 1) % partitionCount)[0]];
    const call = { script, keys: [examples[0], ...others], args: [lines, needsMemory ? 1 : 0], writes: true };
    try {
      const digits = (await runScript(servers, partition, call)).bytes.toString("latin1");
      const missing = permissions.filter((_, index) => digits[index] === "0").map(({ rule }) => rule);
      return missing.length === 0 ? undefined : forbidden(partition, `the user needs ${missing.join(" ")}`);
    } catch (error) {
      if (!needsMemory && error instanceof UserError && error.reason === "STORE_FULL") return undefined;
      return explain(partition, error);
    }
  }

  function forbidden(partition: number, what: string): Finding {
    const message = `Redis at ${addressOf(servers, partition)}: ${what}; docs/operating.md lists all that it needs`;
    return { error: storeUnavailable(new Error(message)), lasting: true };
  }

  /** Finds what an operator must do. */
  function explain(partition: number, failure: unknown): Finding {
    const refusal = findCause(failure, isForbidden);
    if (refusal !== undefined) {
      const needed = aboutKeys.test(refusal.message) ? `: the user needs ~${keyPrefix}*` : "";
      return forbidden(partition, `${refusal.message}${needed}`);
    }
    const address = addressOf(servers, partition);
    const told = (message: string) => ({ error: storeUnavailable(new Error(message)), lasting: false });
    if (findCause(failure, (cause) => replyCode(cause) === "CROSSSLOT") !== undefined) {
      return told(`Redis at ${address} is a part of a cluster: --store is to begin with redis+cluster://`);
    }
    const isReadOnly = findCause(failure, (cause) => replyCode(cause) === "READONLY") !== undefined;
    if (isReadOnly && location.topology === "standalone") {
      return told(`Redis at ${address} is a replica, which takes no writes: --store is to name the primary`);
    }
    const refused = findCause(failure, (cause) => refusals[replyCode(cause) ?? ""] !== undefined);
    if (refused !== undefined) return told(`Redis at ${address}: ${refusals[replyCode(refused) ?? ""]}`);
    const isWrong = findCause(failure, (cause) => cause instanceof WrongServerError && cause.mapped) !== undefined;
    return { error: failure instanceof Error ? failure : storeUnavailable(failure), lasting: isWrong };
  }

  return async () => {
    const known = servers.partitionOfEach();
    // If no server is known, the first partition tells why.
    const partitions = known.length === 0 ? [0] : known;
    const findings = (await Promise.all(partitions.map(checkAt))).filter((finding) => finding !== undefined);
    const worst = findings.find((finding) => finding.lasting) ?? findings[0];
    if (worst?.lasting || (worst !== undefined && findings.length === partitions.length)) throw worst.error;
    return findings.map(({ error }) => (error.cause instanceof Error ? error.cause : error).message);
  };
}

function addressOf(servers: Servers, partition: number): string {
  try {
    return servers.nodeOf(partition).address;
  } catch {
    return "an address that is not known";
  }
}
