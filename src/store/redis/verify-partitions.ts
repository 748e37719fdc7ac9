/** Examines what a partition has one key of: its configuration, tombstones, indexes and the state of its background work. */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { UnknownFeaturesError } from "../../users/features.ts";
import { noConfiguration, type Stamped } from "../configuration.ts";
import { parseToVerify } from "../folding.ts";
import { PackedReader } from "../packed/buffer.ts";
import { type SealRule, sealRuleOf, unknownSealRule } from "../verify/record-checks.ts";
import type { Finding } from "../verify/verifier.ts";
import { runScript } from "./call-runner.ts";
import { agreedOn, deviationFrom } from "./configuration/agreement.ts";
import { requireHere } from "./entry-homes.ts";
import { everyPartition, type Keys } from "./keys.ts";
import { patiently } from "./patience.ts";
import { loadScript } from "./script.ts";
import type { Servers } from "./servers/servers.ts";

/** How long servers may take to complete a change. */
const changeMs = 3_000;
const pauseMs = 100;

const script = loadScript("verify-partition");
const kinds = ["none", "right", "other"] as const;

interface Partition {
  readonly partition: number;
  /** Undefined if it cannot be read. */
  readonly configuration: Stamped | undefined;
  readonly problems: readonly Finding[];
}

export class PartitionChecks {
  readonly #servers: Servers;
  readonly #keys: Keys;
  readonly #rules = new Map<number, SealRule>();

  constructor(servers: Servers, keys: Keys) {
    this.#servers = servers;
    this.#keys = keys;
  }

  /**
   * Waits for a change of the configuration that is under way.
   *
   * @throws UnknownFeaturesError
   */
  async find(): Promise<Finding[]> {
    const giveUpAt = performance.now() + changeMs;
    for (;;) {
      const partitions = await Promise.all(everyPartition.map((partition) => this.#read(partition)));
      const differing = this.#compare(partitions);
      if (differing.length === 0 || performance.now() > giveUpAt) {
        return [...partitions.flatMap(({ problems }) => problems), ...differing];
      }
      await delay(pauseMs);
    }
  }

  /** Which seals users of a partition should have, as it was read last. */
  ruleOf(partition: number): SealRule {
    return this.#rules.get(partition) ?? unknownSealRule;
  }

  /** Reads it again. */
  async currentRuleOf(partition: number): Promise<SealRule> {
    await this.#read(partition);
    return this.ruleOf(partition);
  }

  async #read(partition: number): Promise<Partition> {
    const keys = {
      configuration: this.#keys.configuration(partition),
      tombstones: this.#keys.tombstones(partition),
      sweep: this.#keys.sweep(partition),
      entries: this.#keys.entries(partition),
    };
    const call = { script, keys: Object.values(keys), args: [], writes: false };
    const { bytes } = await patiently(() => runScript(this.#servers, partition, call));
    const reader = new PackedReader(bytes);
    const look = () => ({ kind: kinds[reader.u8()] ?? "other", expires: reader.u8() === 1 });
    const [ofConfiguration, ofTombstones, ofSweep, ofEntries] = [look(), look(), look(), look()];
    const [stamp, text] = [reader.bytes(), reader.bytes()].map((field) => Buffer.from(field).toString("utf8"));
    const configuration = ofConfiguration.kind === "none" ? noConfiguration : readConfiguration(stamp, text);
    if (configuration?.configuration !== undefined) requireHere(this.#servers, configuration.configuration);
    this.#rules.set(partition, configuration === undefined ? unknownSealRule : sealRuleOf(configuration.configuration));

    const problems: Finding[] = [];
    const say = (key: string, check: string, problem: string) =>
      problems.push({ id: Buffer.from(key), check, problem });
    if (configuration === undefined) {
      const what = ofConfiguration.kind === "other" ? "is no hash" : "cannot be read";
      say(keys.configuration, "configuration", `${what}: users of partition ${partition} cannot be written`);
    }
    if (ofConfiguration.expires)
      say(keys.configuration, "expiry", "has a time to live: when it is over, the configuration is lost");
    if (ofTombstones.kind === "other") {
      say(keys.tombstones, "tombstones", `is no sorted set: users of partition ${partition} cannot be deleted`);
    }
    if (ofTombstones.expires) {
      say(
        keys.tombstones,
        "expiry",
        "has a time to live: when it is over, a deletion that is repeated may find no user",
      );
    }
    if (ofSweep.kind === "other") {
      say(keys.sweep, "sweep", `is no hash: background work in partition ${partition} stands still`);
    }
    const found = this.#servers.partitioned ? `user of partition ${partition}` : "user";
    if (ofEntries.kind === "other") say(keys.entries, "indexes", `is no sorted set: no ${found} is found or indexed`);
    if (ofEntries.expires) {
      say(keys.entries, "expiry", `has a time to live: when it is over, no ${found} is found`);
    }
    return { partition, configuration, problems };
  }

  #compare(partitions: readonly Partition[]): Finding[] {
    const agreed = agreedOn(partitions.map(({ configuration }) => configuration ?? noConfiguration));
    if (agreed === undefined) return [];
    return partitions.flatMap(({ partition, configuration }) => {
      // One that cannot be read has been told of.
      const deviation = configuration && deviationFrom(agreed, configuration);
      if (deviation === undefined || deviation === "unreadable") return [];
      const storeId = configuration?.configuration?.storeId;
      const problems = {
        missing: "is missing, and other partitions have one",
        outdated: "is another one than that of other partitions",
        foreign: `belongs to the store ${storeId}, and most partitions to ${agreed.configuration.storeId}`,
      };
      const id = Buffer.from(this.#keys.configuration(partition));
      return [{ id, check: "configuration", problem: problems[deviation] }];
    });
  }
}

/** @throws UnknownFeaturesError */
function readConfiguration(stamp: string | undefined, text: string | undefined): Stamped | undefined {
  if (stamp === undefined || text === undefined || stamp === "") return undefined;
  try {
    return { stamp, configuration: parseToVerify(text) };
  } catch (error) {
    if (error instanceof UnknownFeaturesError) throw error;
    return undefined;
  }
}
