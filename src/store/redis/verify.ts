/** Walks over the users in Redis in short scripts, also while servers use them. */

import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { UserError } from "../../users/errors.ts";
import { PackedReader } from "../packed/buffer.ts";
import { type Finding, recordsShare, type Slice, type StoreVerifier } from "../verify/verifier.ts";
import { findCause, isForbidden, NotSentError, SlotMovingError, UnansweredError } from "./failures.ts";
import { createKeys, partitionCount, partitionTags } from "./keys.ts";
import { openServers, type RedisStoreOptions } from "./redis-store.ts";
import { loadScript } from "./script.ts";
import { maxScriptWork } from "./script-limits.ts";
import { runScript } from "./script-runner.ts";
import type { RedisNode } from "./servers/node.ts";
import type { Servers } from "./servers/servers.ts";
import { type Look, problemsOf, readLook, type UserKey } from "./verify-look.ts";

/** The keys of one step, and the users of one script. */
const stepKeys = 500;
const maxUsers = 100;
/** How long a server may be away, or a slot may be moving. */
const patienceMs = 3_000;
const retryPauseMs = 50;

/** The text between the hash tag and the id in the key of a user. */
const afterTag = "}:user:";

const scripts = { users: loadScript("verify-users"), listing: loadScript("verify-listing") };

export function openRedisVerifier(options: RedisStoreOptions): StoreVerifier {
  const servers = openServers(options);
  return {
    walk: () => new Walk(servers, options.keyPrefix).slices(),
    close: () => servers.close(),
  };
}

class Walk {
  readonly #servers: Servers;
  readonly #keys: ReturnType<typeof createKeys>;
  readonly #prefix: string;
  /** A scan may return a key twice. */
  readonly #told = new Set<string>();

  constructor(servers: Servers, prefix: string) {
    this.#servers = servers;
    this.#prefix = prefix;
    this.#keys = createKeys(prefix);
  }

  async *slices(): AsyncGenerator<Slice> {
    const places = await patiently(() => this.#places());
    const nodes = [...new Set(places)];
    /** A partition of each server, by which it is found again, because idle connections are closed. */
    const firsts = nodes.map((node) => places.indexOf(node));
    const before = await this.#identities(nodes);
    const sizes = await Promise.all(nodes.map((node) => patiently(() => node.ask("DBSIZE"))));
    const total = Math.max(
      1,
      sizes.map(Number).reduce((sum, size) => sum + size, 0),
    );
    let users = 0;
    for (const partition of firsts) {
      for await (const { keys, strays } of this.#scan(partition)) {
        const found = [...strays, ...(await this.#inspect(keys, true))];
        const count = keys.length + strays.length;
        users += count;
        yield { users: count, share: recordsShare * Math.min(1, users / total), findings: this.#untold(found) };
      }
    }
    for (let partition = 0; partition < partitionCount; partition++) {
      for await (const findings of this.#listing(partition)) {
        const share = recordsShare + ((1 - recordsShare) * (partition + 1)) / partitionCount;
        yield { users: 0, share, findings: this.#untold(findings) };
      }
    }
    const after = await this.#identities([...new Set(await patiently(() => this.#places()))]);
    if (before !== after) throw new Error("the servers changed while they were walked over; run it again");
  }

  /** The server of each partition. */
  async #places(): Promise<readonly RedisNode[]> {
    return Array.from({ length: partitionCount }, (_, partition) => this.#servers.nodeOf(partition));
  }

  /** A text that changes if a server restarts or a partition moves. */
  async #identities(nodes: readonly RedisNode[]): Promise<string> {
    const runs = await Promise.all(nodes.map((node) => patiently(() => node.info("server"))));
    const places = await patiently(() => this.#places());
    return JSON.stringify([runs.map((run) => run.get("run_id")), places.map(({ address }) => address)]);
  }

  /** The keys of users on the server of a partition, and keys that belong to no partition, step by step. */
  async *#scan(partition: number): AsyncGenerator<{ keys: readonly UserKey[]; strays: readonly Finding[] }> {
    const pattern = `${this.#prefix.replace(/[*?[\]\\^-]/g, "\\$&")}{*}:user:*`;
    let cursor = "0";
    do {
      const step = await patiently(async () => this.#servers.nodeOf(partition).scan(cursor, pattern, stepKeys));
      cursor = step.cursor;
      const keys: UserKey[] = [];
      const strays: Finding[] = [];
      for (const key of step.keys) {
        const found = this.#userKey(key);
        if (!("problem" in found)) keys.push(found);
        // Without a prefix, the key may belong to another program.
        else if (this.#prefix !== "") strays.push(found);
      }
      if (strays.length > 0) yield { keys: [], strays };
      for (let at = 0; at < keys.length; at += maxUsers) yield { keys: keys.slice(at, at + maxUsers), strays: [] };
    } while (cursor !== "0");
  }

  /** @param key a key that matches the pattern of the scan */
  #userKey(key: Buffer): UserKey | Finding {
    const tagAt = Buffer.byteLength(this.#prefix) + 1;
    const tagEnd = key.indexOf(afterTag, tagAt);
    const tag = key.toString("utf8", tagAt, tagEnd);
    const id = key.subarray(tagEnd + afterTag.length);
    const partition = partitionTags.indexOf(tag);
    if (partition >= 0) return { partition, key, id };
    return { id, check: "place", problem: `is kept under the hash tag {${tag}}, where no server looks for it` };
  }

  async *#listing(partition: number): AsyncGenerator<readonly Finding[]> {
    let cursor = "0";
    do {
      const call = {
        script: scripts.listing,
        keys: [this.#keys.ids(partition)],
        args: [cursor, maxUsers],
        writes: false,
      };
      const { bytes } = await patiently(() => runScript(this.#servers, partition, call));
      const reader = new PackedReader(bytes);
      if (reader.u8() === 0) {
        const problem = `is no sorted set: users of partition ${partition} are neither listed nor created`;
        yield [{ id: Buffer.from(this.#keys.ids(partition)), check: "listing", problem }];
        return;
      }
      if (reader.u8() === 1) {
        const problem = `has a time to live: when it is over, users of partition ${partition} are in no listing`;
        yield [{ id: Buffer.from(this.#keys.ids(partition)), check: "expiry", problem }];
      }
      cursor = reader.shortText();
      const ids = Array.from({ length: reader.u32() }, () => Buffer.from(reader.bytes()));
      const head = Buffer.from(this.#keys.userIn(partition, ""));
      // A small index is returned as a whole.
      for (let at = 0; at < ids.length; at += maxUsers) {
        const some = ids.slice(at, at + maxUsers);
        yield this.#inspect(
          some.map((id) => ({ partition, id, key: Buffer.concat([head, id]) })),
          false,
        );
      }
    } while (cursor !== "0");
  }

  /** Looks at users, and once more at each that looks wrong. */
  async #inspect(keys: readonly UserKey[], withRecords: boolean): Promise<Finding[]> {
    const findings: Finding[] = [];
    for (const [key, look] of await this.#lookAt(keys, withRecords)) {
      if (problemsOf(key, look, withRecords).length === 0) continue;
      for (const [, second] of await this.#lookAt([key], withRecords)) {
        findings.push(...problemsOf(key, second, withRecords));
      }
    }
    return findings;
  }

  async #lookAt(keys: readonly UserKey[], withRecords: boolean): Promise<[UserKey, Look][]> {
    const looks: [UserKey, Look][] = [];
    // In a cluster, a script uses the keys of one partition.
    const shares = this.#servers.partitioned ? Map.groupBy(keys, ({ partition }) => partition) : new Map([[0, keys]]);
    for (const [place, share] of shares) {
      for (let rest = share; rest.length > 0; ) {
        const call = {
          script: scripts.users,
          keys: rest.flatMap(({ partition, key }) => [this.#keys.ids(partition), key]),
          args: [this.#keys.bytesBeforeId, maxScriptWork, withRecords ? 1 : 0],
          writes: false,
        };
        const { bytes } = await patiently(() => runScript(this.#servers, place, call));
        const reader = new PackedReader(bytes);
        let count = 0;
        for (; !reader.done; count++) {
          const key = rest[count];
          if (key !== undefined) looks.push([key, readLook(reader, key.id, withRecords)]);
        }
        if (count === 0) throw new Error("a script looked at none of the users");
        rest = rest.slice(count);
      }
    }
    return looks;
  }

  #untold(findings: readonly Finding[]): Finding[] {
    return findings.filter(({ id, check, problem }) => {
      const key = `${check} ${problem} ${Buffer.from(id).toString("latin1")}`;
      const isNew = !this.#told.has(key);
      this.#told.add(key);
      return isNew;
    });
  }
}

/** Retries while a server is away or a slot is moving. */
async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const passes =
        error instanceof NotSentError ||
        error instanceof UnansweredError ||
        error instanceof SlotMovingError ||
        (error instanceof UserError && error.reason === "STORE_UNAVAILABLE");
      if (!passes || findCause(error, isForbidden) !== undefined || performance.now() > giveUpAt) throw error;
    }
    await delay(retryPauseMs);
  }
}
