/** Runs scripts over the indexes of partitions, under a configuration that the caller knows. */
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import { runScript } from "./call-runner.ts";
import { agreedOn, bringUpToDate } from "./configuration/agreement.ts";
import type { KnownConfigurations } from "./configuration/known-configurations.ts";
import { SlotMovingError, StaleConfigurationError } from "./failures.ts";
import type { Keys } from "./keys.ts";
import { readHash } from "./read-hash.ts";
import type { Script, ScriptArgument } from "./script.ts";
import type { Servers } from "./servers/servers.ts";

export interface IndexedStore {
  readonly servers: Servers;
  readonly keys: Keys;
  readonly known: KnownConfigurations;
  readonly configuration: () => StoreConfiguration | undefined;
}

/** @param argumentsOf the arguments of the script for some of the partitions */
export type RunUnder = (
  generation: number,
  partitions: readonly number[],
  script: Script,
  argumentsOf: (partitions: readonly number[]) => readonly ScriptArgument[],
) => Promise<Buffer[] | undefined>;

/** The partitions of each script: it may use the keys of one, or of all that a single server has. */
export function scriptShares({ partitioned }: Servers, partitions: readonly number[]): readonly (readonly number[])[] {
  return partitioned ? partitions.map((partition) => [partition]) : [partitions];
}

export function createRunUnder(store: IndexedStore): RunUnder {
  const { servers, keys, known } = store;

  /**
   * Runs a script over the indexes of partitions.
   *
   * @returns undefined if the store has another configuration than that of the generation, or one of them has another than the store
   * @throws UserError STORE_UNAVAILABLE
   */
  async function runUnder(
    ...[generation, partitions, script, argumentsOf]: Parameters<RunUnder>
  ): Promise<Buffer[] | undefined> {
    const shares = scriptShares(servers, partitions);
    const firsts = shares.map(([first = 0]) => first);
    const agreed = agreedOn(known.all);
    const stamp = agreed?.configuration.generation === generation ? agreed.stamp : undefined;
    // Two changes at once may have made two configurations of one generation, with other indexes.
    const late = firsts.filter((first) => known.of(first).stamp !== stamp);
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

  return runUnder;
}
