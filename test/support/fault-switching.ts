/** Changes the configuration of a store again and again while faults befall it: a feature, and its indexes. */
import { setTimeout as pause } from "node:timers/promises";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { version } from "../../src/config/version.ts";
import { openAdministration, type RedisSettings } from "../../src/server/open-store.ts";
import type { StoreAdministration } from "../../src/store/administration.ts";
import { firstConfiguration, type Present, withFeatures, withIndexes } from "../../src/store/configuration.ts";
import { maintainedIndexes } from "../../src/store/index-change.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { formatIndexedProperties, parseIndexedProperties } from "../../src/users/indexes/indexed-property.ts";
import type { StoreConfiguration } from "../../src/users/store-configuration.ts";
import { loadIndexes } from "./fault-values.ts";
import { oneOf, type Random } from "./random.ts";
import { until } from "./until.ts";

export interface Switching {
  /** How often the configuration has changed. */
  readonly changes: number;
  stop(): Promise<void>;
}

/** @returns the configuration that a store should have; undefined if that is the one that it has */
export type Wanted = (configuration: StoreConfiguration) => Present | undefined;

const maxPauseMs = 1_000;
/** Background work takes a few seconds to go over all users. */
const completeTimeoutMs = 10_000;
const indexLists = ["", "plan", "email:fold", "plan,email:fold", loadIndexes];

/**
 * Of the changes that ask for a walk over all users, half are left until it has been made.
 *
 * @param indexed whether indexes are built and dropped, too
 */
export async function startSwitching(
  url: string,
  redis: RedisSettings,
  { random, indexed }: { readonly random: Random; readonly indexed: boolean },
): Promise<Switching> {
  const administration = await openAdministration(parseStoreLocation(url), redis, createLogger("silent"));
  const stopping = new AbortController();
  let changes = 0;
  const running = (async () => {
    while (!stopping.signal.aborted) {
      const wanted = indexed && random() < 0.5 ? otherIndexes(random) : switchedOver;
      // While a primary is away, a change fails, or servers complete it: the store says what it has become.
      const changed = await change(administration, wanted).catch(() => undefined);
      if (changed !== undefined) changes++;
      if (changed !== undefined && !isComplete(changed) && random() < 0.5) {
        await until(() => stopping.signal.aborted || isNowComplete(administration), completeTimeoutMs).catch(() => {});
      }
      await pause(random() * maxPauseMs);
    }
  })();
  return {
    get changes() {
      return changes;
    },
    async stop() {
      stopping.abort();
      await running;
      administration.close();
    },
  };
}

/** @returns the configuration that the store has now; undefined if nothing was changed, because somebody else did meanwhile */
async function change(administration: StoreAdministration, wanted: Wanted): Promise<StoreConfiguration | undefined> {
  const { current } = await administration.read();
  const next = wanted(current.configuration ?? firstConfiguration(version()).configuration);
  if (next === undefined || !(await administration.change(current, next))) return undefined;
  return next.configuration;
}

/** Tries until the store is as it should be. */
export async function bring(administration: StoreAdministration, wanted: Wanted, timeoutMs: number): Promise<void> {
  await until(async () => {
    await change(administration, wanted);
    const { configuration } = (await administration.read()).current;
    return configuration !== undefined && wanted(configuration) === undefined;
  }, timeoutMs);
}

/** With the feature on, or off. */
export function withRehearsal(isOn: boolean): Wanted {
  return (configuration) => (hasRehearsal(configuration) === isOn ? undefined : switchedOver(configuration));
}

/** With these indexes and no others. */
export function indexedBy(list: string): Wanted {
  return (configuration) =>
    listed(configuration) === list ? undefined : withIndexes(configuration, parseIndexedProperties(list));
}

function otherIndexes(random: Random): Wanted {
  return (configuration) => {
    const others = indexLists.filter((list) => list !== listed(configuration));
    return withIndexes(configuration, parseIndexedProperties(oneOf(random, others)));
  };
}

function switchedOver(configuration: StoreConfiguration): Present {
  const others = configuration.features.filter((feature) => feature !== "rehearsal");
  return withFeatures(configuration, hasRehearsal(configuration) ? others : [...others, "rehearsal"]);
}

function hasRehearsal({ features }: StoreConfiguration): boolean {
  return features.includes("rehearsal");
}

function listed(configuration: StoreConfiguration): string {
  return formatIndexedProperties(maintainedIndexes(configuration));
}

/** Whether all users have what the configuration asks for: their seals, and their entries in indexes. */
function isComplete({ seals }: StoreConfiguration): boolean {
  return seals?.complete === true;
}

export async function isNowComplete(administration: StoreAdministration): Promise<boolean> {
  const { configuration } = (await administration.read()).current;
  return configuration !== undefined && isComplete(configuration);
}
