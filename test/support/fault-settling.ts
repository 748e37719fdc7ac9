/** What must hold of a store after faults have befallen it, once its background work is done. */
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openAdministration, openStore, type RedisSettings } from "../../src/server/open-store.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { bring, isNowComplete, type Wanted } from "./fault-switching.ts";
import { brokenSealsIn, sweepAll } from "./sweep-all.ts";
import { until } from "./until.ts";
import { verified } from "./verified.ts";

const settleTimeoutMs = 60_000;
const silent = createLogger("silent");

/**
 * Brings a store into a last configuration, and waits until all users have what that asks for.
 *
 * @param wanted what it should be, one after another; nothing if it should be as it is
 * @returns how many broken seals it has found
 * @throws Error if partitions differ, or if `rollcall verify` finds anything
 */
export async function settle(url: string, redis: RedisSettings, wanted: readonly Wanted[]): Promise<number> {
  await using closing = new AsyncDisposableStack();
  const location = parseStoreLocation(url);
  const administration = await openAdministration(location, redis, silent);
  closing.defer(() => administration.close());
  const store = await openStore(location, redis, silent);
  closing.defer(() => store.close());
  for (const each of wanted) await bring(administration, each, settleTimeoutMs);
  await until(async () => {
    if (await isNowComplete(administration)) return true;
    await store.check();
    await sweepAll(store);
    return isNowComplete(administration);
  }, settleTimeoutMs);
  const { deviations } = await administration.read();
  if (deviations.length > 0) throw new Error(`partitions differ: ${JSON.stringify(deviations)}`);
  const { status, stderr, findings } = await verified(url);
  if (status !== 0 || findings.length > 0) {
    const [first] = findings;
    throw new Error(`verify: ${findings.length} findings, such as ${JSON.stringify(first)}${stderr}`);
  }
  return brokenSealsIn(store);
}
