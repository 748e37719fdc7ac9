/** Switches a feature on and off again and again while faults befall the store. */
import { setTimeout as pause } from "node:timers/promises";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { version } from "../../src/config/version.ts";
import { openAdministration, openStore, openVerifier, type RedisSettings } from "../../src/server/open-store.ts";
import type { StoreAdministration } from "../../src/store/administration.ts";
import { firstConfiguration, withFeatures } from "../../src/store/configuration.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { brokenSealsIn, sweepAll } from "./sweep-all.ts";
import { until } from "./until.ts";

export interface Switching {
  /** How often the configuration has changed. */
  readonly changes: number;
  stop(): Promise<void>;
}

const maxPauseMs = 1_000;
/** Background work takes a few seconds to seal all users. */
const sealedTimeoutMs = 6_000;
const settleTimeoutMs = 60_000;
const silent = createLogger("silent");

/** Of the changes that switch the feature on, half are left until all users have seals. */
export async function startSwitching(url: string, redis: RedisSettings, random: () => number): Promise<Switching> {
  const administration = await openAdministration(parseStoreLocation(url), redis, silent);
  const stopping = new AbortController();
  let changes = 0;
  const running = (async () => {
    while (!stopping.signal.aborted) {
      // While a primary is away, a change fails, or servers complete it: the store says what it has become.
      const isOn = await switchOver(administration).catch(() => undefined);
      if (isOn !== undefined) changes++;
      if (isOn === true && random() < 0.5) {
        const isComplete = () => stopping.signal.aborted || areAllSealed(administration);
        await until(isComplete, sealedTimeoutMs).catch(() => {});
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

/**
 * Waits until the feature is on in the whole store and every user has a seal.
 *
 * @param afresh whether users may be without their seals, so that all of them are sealed anew
 * @returns how many broken seals it has found
 * @throws Error if partitions differ, or if there is anything that does not belong there
 */
export async function settle(url: string, redis: RedisSettings, afresh: boolean): Promise<number> {
  await using closing = new AsyncDisposableStack();
  const location = parseStoreLocation(url);
  const administration = await openAdministration(location, redis, silent);
  closing.defer(() => administration.close());
  const store = await openStore(location, redis, silent);
  closing.defer(() => store.close());
  for (const isOn of afresh ? [false, true] : [true]) {
    await until(() => switchTo(isOn, administration).then(() => true), settleTimeoutMs);
  }
  await until(async () => {
    await store.check();
    await sweepAll(store);
    return areAllSealed(administration);
  }, settleTimeoutMs);
  const { deviations } = await administration.read();
  if (deviations.length > 0) throw new Error(`partitions differ: ${JSON.stringify(deviations)}`);
  const verifier = await openVerifier(location, redis, silent);
  closing.defer(() => verifier.close());
  for await (const { findings } of verifier.walk()) {
    const [first] = findings;
    if (first !== undefined) throw new Error(`verify: ${Buffer.from(first.id).toString()} ${first.problem}`);
  }
  return brokenSealsIn(store);
}

/** @returns the state that the feature is in now; undefined if somebody else has changed it meanwhile */
async function switchOver(administration: StoreAdministration): Promise<boolean | undefined> {
  const { configuration } = (await administration.read()).current;
  const isOn = (configuration?.features.length ?? 0) === 0;
  return (await switchTo(isOn, administration)) ? isOn : undefined;
}

/** @returns whether it was in the other state, and somebody else has not changed it meanwhile */
async function switchTo(isOn: boolean, administration: StoreAdministration): Promise<boolean> {
  const { current } = await administration.read();
  const { configuration = firstConfiguration(version()).configuration } = current;
  if (configuration.features.length > 0 === isOn) return false;
  return administration.change(current, withFeatures(configuration, isOn ? ["rehearsal"] : []));
}

async function areAllSealed(administration: StoreAdministration): Promise<boolean> {
  return (await administration.read()).current.configuration?.seals?.complete === true;
}
