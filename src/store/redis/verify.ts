/** Walks over the users in Redis in short scripts, also while servers use them. */

import { PackedReader } from "../packed/buffer.ts";
import { type Finding, recordsShare, type Slice, type StoreVerifier } from "../verify/verifier.ts";
import { runScript } from "./call-runner.ts";
import { entryHome } from "./entry-homes.ts";
import { createKeys, partitionCount } from "./keys.ts";
import { patiently } from "./patience.ts";
import { openServers, type RedisStoreOptions } from "./redis-store.ts";
import { loadScript } from "./script.ts";
import { maxScriptWork } from "./script-limits.ts";
import type { RedisNode } from "./servers/node.ts";
import type { Servers } from "./servers/servers.ts";
import { EntryChecks } from "./verify-entries.ts";
import { type SortedKeys, sortKeys } from "./verify-keys.ts";
import { type Look, problemsOf, readLook, type UserKey } from "./verify-look.ts";
import { PartitionChecks } from "./verify-partitions.ts";
import { stepsThrough } from "./verify-sets.ts";

/** The keys of one step, and the users of one script. */
const stepKeys = 500;
const maxUsers = 100;

const script = loadScript("entry-starts", "verify-users");

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
  readonly #partitions: PartitionChecks;
  readonly #entries: EntryChecks;
  /** A scan may return a key twice. */
  readonly #told = new Set<string>();

  constructor(servers: Servers, prefix: string) {
    this.#servers = servers;
    this.#prefix = prefix;
    this.#keys = createKeys(prefix);
    this.#partitions = new PartitionChecks(servers, this.#keys);
    this.#entries = new EntryChecks(servers, this.#keys, this.#partitions);
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
    yield { users: 0, share: 0, findings: this.#untold(await this.#partitions.find()) };
    let seen = 0;
    for (const partition of firsts) {
      for await (const { users, marks, strays } of this.#scan(partition)) {
        const found = [...strays, ...(await this.#inspect(users, true)), ...(await this.#lasting(marks))];
        seen += users.length + marks.length + strays.length;
        const share = recordsShare * Math.min(1, seen / total);
        yield { users: users.length, share, findings: this.#untold(found) };
      }
    }
    for (let partition = 0; partition < partitionCount; partition++) {
      for await (const findings of this.#listing(partition)) {
        const share = recordsShare + ((1 - recordsShare) * (partition + 1)) / partitionCount;
        yield { users: 0, share, findings: this.#untold(findings) };
      }
      for await (const findings of this.#entries.find(partition)) {
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

  /** The keys on the server of a partition that have the prefix and a hash tag, a few at a time. */
  async *#scan(partition: number): AsyncGenerator<SortedKeys> {
    const pattern = `${this.#prefix.replace(/[*?[\]\\^-]/g, "\\$&")}{*}*`;
    let cursor = "0";
    do {
      const step = await patiently(async () => this.#servers.nodeOf(partition).scan(cursor, pattern, stepKeys));
      cursor = step.cursor;
      for (let at = 0; at < step.keys.length; at += maxUsers) {
        const sorted = sortKeys(step.keys.slice(at, at + maxUsers), this.#prefix);
        // Without a prefix, they may belong to another program.
        yield this.#prefix === "" ? { ...sorted, strays: [] } : sorted;
      }
    } while (cursor !== "0");
  }

  /** Marks that Redis will not remove. */
  async #lasting(marks: readonly UserKey[]): Promise<Finding[]> {
    const looks = await this.#lookAt(marks, false);
    const lasting = looks.filter(([, { kind, expires }]) => kind !== "none" && !expires);
    return lasting.map(([{ key }]) => ({
      id: key,
      check: "key",
      problem: "has no time to live: version 0.1 left such keys for two minutes",
    }));
  }

  async *#listing(partition: number): AsyncGenerator<readonly Finding[]> {
    const key = this.#keys.ids(partition);
    for await (const { isSet, expires, members } of stepsThrough(this.#servers, partition, key)) {
      if (!isSet) {
        const problem = `is no sorted set: users of partition ${partition} are neither listed nor created`;
        yield [{ id: Buffer.from(key), check: "listing", problem }];
      }
      if (expires) {
        const problem = `has a time to live: when it is over, users of partition ${partition} are in no listing`;
        yield [{ id: Buffer.from(key), check: "expiry", problem }];
      }
      const head = Buffer.from(this.#keys.userIn(partition, ""));
      // A small listing is returned as a whole.
      for (let at = 0; at < members.length; at += maxUsers) {
        const some = members.slice(at, at + maxUsers);
        yield this.#inspect(
          some.map((id) => ({ partition, id, key: Buffer.concat([head, id]) })),
          false,
        );
      }
    }
  }

  /** Looks at users, and once more at each that looks wrong. */
  async #inspect(keys: readonly UserKey[], withRecords: boolean): Promise<Finding[]> {
    const findings: Finding[] = [];
    for (const [key, look] of await this.#lookAt(keys, withRecords)) {
      const rule = withRecords ? this.#partitions.ruleOf(key.partition) : undefined;
      if (problemsOf(key, look, rule).length === 0) continue;
      // The configuration may have changed, too.
      const currentRule = async () => (withRecords ? this.#partitions.currentRuleOf(key.partition) : undefined);
      const before = await currentRule();
      for (const [, second] of await this.#lookAt([key], withRecords)) {
        const after = problemsOf(key, second, await currentRule()).map(({ problem }) => problem);
        findings.push(...problemsOf(key, second, before).filter(({ problem }) => after.includes(problem)));
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
          script,
          keys: rest.flatMap(({ partition, key }) => [
            this.#keys.ids(partition),
            this.#keys.entries(entryHome(this.#servers, partition)),
            key,
          ]),
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
