/** Reads the indexes, and counts users. */
import { boundsOf, entryPrefix, readEntry } from "../../users/indexes/entries.ts";
import { lengthOfValue } from "../../users/indexes/index-value.ts";
import type { Progress, UserStore } from "../../users/store.ts";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import { PackedReader } from "../packed/buffer.ts";
import { nextStep } from "../seal-walk.ts";
import { runScript } from "./call-runner.ts";
import { bringUpToDate } from "./configuration/agreement.ts";
import type { KnownConfigurations } from "./configuration/known-configurations.ts";
import { readState } from "./configuration/walk-states.ts";
import { SlotMovingError, StaleConfigurationError } from "./failures.ts";
import { findScript, unpackEntries } from "./find-entries.ts";
import { everyPartition, type Keys } from "./keys.ts";
import { type Feed, mergeEntries } from "./merge-entries.ts";
import { readHash } from "./read-hash.ts";
import { loadScript, type Script, type ScriptArgument } from "./script.ts";
import type { Servers } from "./servers/servers.ts";

const scripts = {
  find: findScript,
  count: loadScript("wrong-type", "configuration", "count-entries"),
};

export const indexReadScripts = Object.values(scripts);

interface IndexedStore {
  readonly servers: Servers;
  readonly keys: Keys;
  readonly known: KnownConfigurations;
  readonly configuration: () => StoreConfiguration | undefined;
}

/** The arguments of a script for some partitions. */
type ArgumentsOf = (partitions: readonly number[]) => readonly ScriptArgument[];

/** Ranges of ZLEXCOUNT. */
const everything = ["-", "+"] as const;
const nothing = ["+", "-"] as const;

export function createIndexReads(
  store: IndexedStore,
): Pick<UserStore, "entries" | "countEntries" | "count" | "progress"> {
  const { servers, keys, known } = store;
  /** A script uses the keys of one partition, or of all that a single server has. */
  const sharesOf = (partitions: readonly number[]) =>
    servers.partitioned ? partitions.map((partition) => [partition]) : [partitions];

  /**
   * Runs a script over the indexes of partitions.
   *
   * @returns undefined if one of them has another configuration than that of the generation
   * @throws UserError STORE_UNAVAILABLE
   */
  async function runUnder(
    generation: number,
    partitions: readonly number[],
    script: Script,
    argumentsOf: ArgumentsOf,
  ): Promise<Buffer[] | undefined> {
    const shares = sharesOf(partitions);
    const firsts = shares.map(([first = 0]) => first);
    const late = firsts.filter((first) => known.of(first).configuration?.generation !== generation);
    if (late.length > 0) {
      await Promise.all(late.map((partition) => bringUpToDate(store, partition)));
      return undefined;
    }
    const answers = await Promise.all(
      shares.map(async (share, at) => {
        const first = firsts[at] ?? 0;
        try {
          return await runCurrent(first, share, script, argumentsOf(share));
        } catch (error) {
          if (!(error instanceof StaleConfigurationError)) throw error;
          await bringUpToDate(store, first);
          return undefined;
        }
      }),
    );
    const there = answers.filter((answer) => answer !== undefined);
    return there.length === answers.length ? there : undefined;
  }

  /** @throws StaleConfigurationError */
  async function runCurrent(
    first: number,
    share: readonly number[],
    script: Script,
    args: readonly ScriptArgument[],
  ): Promise<Buffer> {
    const { stamp } = known.of(first);
    const run = async (configurations: readonly string[]) => {
      const call = {
        script,
        keys: [...configurations, ...share.map(keys.entries)],
        args: [stamp, "", configurations.length, ...args],
        writes: false,
      };
      return (await runScript(servers, first, call)).bytes;
    };
    try {
      return await run([keys.configuration(first)]);
    } catch (error) {
      if (!(error instanceof SlotMovingError)) throw error;
    }
    // While its slot moves, a single key is found at either primary. No entry of an index that is there now has been removed before.
    const bytes = await run([]);
    const [stampNow = ""] = await readHash(servers, first, keys.configuration(first), ["stamp"]);
    if (stampNow !== stamp) throw new StaleConfigurationError(false);
    return bytes;
  }

  /** The first entries of each partition behind one, as many as asked for; fewer only at the end. */
  async function readFeeds(
    generation: number,
    feeds: readonly Feed[],
    { prefix, before, count }: { prefix: Uint8Array; before: Uint8Array; count: number },
  ) {
    const afters = new Map(feeds.map(({ partition, after }) => [partition, after]));
    const [first] = feeds;
    const isSame = feeds.every(({ after }) => after === first?.after);
    const answers = await runUnder(
      generation,
      feeds.map(({ partition }) => partition),
      scripts.find,
      (partitions) => {
        const used = isSame ? partitions.slice(0, 1) : partitions;
        return [
          isWhole(prefix) ? 1 : 0,
          asBuffer(before),
          count,
          ...used.map((partition) => asBuffer(afters.get(partition) ?? before)),
        ];
      },
    );
    return answers?.flatMap(unpackEntries);
  }

  /** Of the listings, in a range for each partition. @returns how many users are in each */
  async function countListed(rangeOf: (partition: number) => readonly [string, string]): Promise<number[]> {
    const answers = await Promise.all(
      sharesOf(everyPartition).map((share) =>
        runScript(servers, share[0] ?? 0, {
          script: scripts.count,
          keys: share.map(keys.ids),
          args: ["", "", 0, "listing", ...share.flatMap(rangeOf)],
          writes: false,
        }),
      ),
    );
    return answers.flatMap(({ bytes }) => unpackCounts(bytes));
  }

  return {
    async entries(range, count, generation) {
      known.requireKnownFeatures();
      const [start, before] = boundsOf(range);
      const { prefix } = range;
      const users = [];
      for (let after = start; ; ) {
        const asked = count - users.length;
        const found = await mergeEntries(everyPartition, after, asked, (feeds, some) =>
          readFeeds(generation, feeds, { prefix, before, count: some }),
        );
        if (found === undefined) return undefined;
        users.push(...found.flatMap((entry) => readEntry(entry) ?? []));
        const last = found.at(-1);
        // What cannot be read is left out, and others take its place.
        if (last === undefined || found.length < asked || users.length === count) return users;
        after = last;
      }
    },

    async countEntries(prefix, generation) {
      known.requireKnownFeatures();
      const [after, before] = boundsOf({ prefix, after: undefined });
      const range = [after, before].map((bound) => Buffer.concat([Buffer.from("("), bound]));
      const answers = await runUnder(generation, everyPartition, scripts.count, () => ["indexes", ...range]);
      return answers && sum(answers.flatMap(unpackCounts));
    },

    async count() {
      known.requireKnownFeatures();
      return sum(await countListed(() => everything));
    },

    async progress(): Promise<Progress> {
      known.requireKnownFeatures();
      const configuration = store.configuration();
      const total = sum(await countListed(() => everything));
      if (configuration === undefined) return { done: 0, total };
      const states = await Promise.all(everyPartition.map((partition) => readState(servers, keys, partition)));
      const now = Date.now();
      const done = await countListed((partition) => {
        const state = states[partition];
        const step = state && nextStep(configuration, state, now);
        if (step === undefined || step.work === "check") return everything;
        return step.after === "" ? nothing : ["-", `[${step.after}`];
      });
      return { done: Math.min(sum(done), total), total };
    },
  };
}

/** Whether a prefix ends with a value, and not in the middle of one: few users will have it. */
function isWhole(prefix: Uint8Array): boolean {
  const value = prefix.subarray(entryPrefix(0).length);
  return lengthOfValue(value) === value.length;
}

function unpackCounts(bytes: Buffer): number[] {
  const reader = new PackedReader(bytes);
  const counts: number[] = [];
  while (!reader.done) counts.push(reader.u32());
  return counts;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
