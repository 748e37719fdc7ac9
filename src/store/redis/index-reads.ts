/** Reads the indexes, and counts users. */
import { boundsOf, readEntry } from "../../users/indexes/entries.ts";
import type { FoundEntry, Progress, UserStore } from "../../users/store.ts";
import { PackedReader } from "../packed/buffer.ts";
import { nextStep } from "../seal-walk.ts";
import { runScript } from "./call-runner.ts";
import { readState } from "./configuration/walk-states.ts";
import { entryHomes } from "./entry-homes.ts";
import { createEntryReader, findScript, type ReadEntry } from "./find-entries.ts";
import { everyPartition } from "./keys.ts";
import { mergeEntries } from "./merge-entries.ts";
import { createRunUnder, type IndexedStore, scriptShares } from "./run-under.ts";
import { loadScript } from "./script.ts";

const scripts = {
  find: findScript,
  count: loadScript("wrong-type", "configuration", "count-entries"),
};

export const indexReadScripts = Object.values(scripts);

/** Ranges of ZLEXCOUNT. */
const everything = ["-", "+"] as const;
const nothing = ["+", "-"] as const;

export function createIndexReads(
  store: IndexedStore,
): Pick<UserStore, "entries" | "countEntries" | "count" | "progress"> {
  const { servers, keys, known } = store;
  const runUnder = createRunUnder(store);
  const readFeeds = createEntryReader(servers, runUnder);

  /** Of the listings, in a range for each partition. @returns how many users are in each */
  async function countListed(rangeOf: (partition: number) => readonly [string, string]): Promise<number[]> {
    const answers = await Promise.all(
      scriptShares(servers, everyPartition).map((share) =>
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
      const users: FoundEntry[] = [];
      for (let after = start; ; ) {
        const asked = count - users.length;
        const found = await mergeEntries(entryHomes(servers), after, asked, (feeds, some) =>
          readFeeds({ generation, feeds, prefix, before, count: some }),
        );
        if (found === undefined) return undefined;
        users.push(...found.flatMap(foundEntry));
        const last = found.at(-1)?.entry;
        // What cannot be read is left out, and others take its place.
        if (last === undefined || found.length < asked || users.length === count) return users;
        after = last;
      }
    },

    async countEntries(prefix, generation) {
      known.requireKnownFeatures();
      const [after, before] = boundsOf({ prefix, after: undefined });
      const range = [after, before].map((bound) => Buffer.concat([Buffer.from("("), bound]));
      const answers = await runUnder(generation, entryHomes(servers), scripts.count, () => ["indexes", ...range]);
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

/** Without one that this program has not written. */
function foundEntry({ entry, user }: ReadEntry): FoundEntry[] {
  const read = readEntry(entry);
  return read === undefined ? [] : [{ ...read, user }];
}

function unpackCounts(bytes: Buffer): number[] {
  const reader = new PackedReader(bytes);
  const counts: number[] = [];
  while (!reader.done) counts.push(reader.u32());
  return counts;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
