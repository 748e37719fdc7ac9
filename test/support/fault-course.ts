/** What goes on while faults befall Redis: a load through servers, and changes of the store's configuration; and what came of it. */
import { GetRegistryResponse_Index_State as State } from "#gen/rollcall/v1/user_service_pb.js";
import { createRollcallClient } from "../../src/client/index.ts";
import type { RedisSettings } from "../../src/server/open-store.ts";
import { parseIndexedProperties } from "../../src/users/indexes/indexed-property.ts";
import { type FaultLoad, type FaultLoadOptions, type FaultLoadReport, startFaultLoad } from "./fault-load.ts";
import { unfoundUsers } from "./fault-reads.ts";
import { settle } from "./fault-settling.ts";
import { indexedBy, type Switching, startSwitching, type Wanted, withRehearsal } from "./fault-switching.ts";
import { loadIndexes } from "./fault-values.ts";
import { serveOld } from "./old-version.ts";
import { seededRandom } from "./random.ts";
import { startTestServer } from "./server.ts";
import { untilIndexes } from "./switch-indexes.ts";
import { until } from "./until.ts";

export interface ScenarioOptions extends FaultLoadOptions {
  /** Whether half of the writes go through a server of the version before this one. Default: none do. */
  readonly besideOld?: boolean;
  /**
   * Whether a feature of the store is switched on and off all the while, and where the load is indexed, indexes are built and dropped.
   * Default: nothing is.
   */
  readonly switching?: boolean;
}

export interface FaultReport extends FaultLoadReport {
  /** How often the store's configuration has changed. */
  readonly changes: number;
  /** Broken seals that were found. Without servers of an older version, and if nothing was lost, there are none. */
  readonly brokenSeals: number;
}

interface Setting {
  readonly redis: Pick<RedisSettings, "redisWaitReplicas">;
  readonly load: ScenarioOptions;
  readonly seed: number;
  /** Whether what was acknowledged may be lost. Default: it is not. */
  readonly loses?: boolean;
}

/** What a scenario goes by. */
export interface Course {
  readonly load: FaultLoad;
  /** Whether users are found by indexed values. */
  readonly isIndexed: boolean;
  readonly switching: Switching | undefined;
  readonly random: () => number;
}

/** How many single writes go on between two faults, at most, so that each fault meets items in flight. */
const maxBetweenFaults = 60;
/** A partition that has lost everything has its indexes built again first. */
const progressTimeoutMs = 60_000;

/** Lets the load run through what befalls the servers and come to its end afterwards. */
export async function against<Servers extends { readonly url: string; stop(): Promise<void> }>(
  starting: Promise<Servers>,
  { redis, load: options, seed, loses = false }: Setting,
  faults: (servers: Servers, course: Course) => Promise<void>,
): Promise<FaultReport> {
  await using closing = new AsyncDisposableStack();
  const servers = await starting;
  closing.defer(() => servers.stop());
  const { indexed = false, besideOld = false } = options;
  const indexes = indexed ? parseIndexedProperties(loadIndexes) : undefined;
  const server = await startTestServer({ store: servers.url, redis, indexes });
  closing.defer(() => server.stop());
  const isReady = () => untilIndexes(loadIndexes, State.READY, server.url);
  if (indexed) await isReady();
  const urls = [server.url];
  // Of its failures, callers see enough.
  const old = besideOld && (await serveOld(servers.url, [...argumentsOf(redis), "--log-level", "silent"]));
  if (old) {
    closing.defer(async () => {
      await old.stop();
    });
    urls.push(old.url);
  }
  const random = seededRandom(seed);
  const switching = options.switching
    ? await startSwitching(servers.url, redis, { random: seededRandom(seed + 1), indexed })
    : undefined;
  const load = startFaultLoad(urls, options);
  try {
    const course = { load, isIndexed: indexed, switching, random };
    await faults(servers, course);
    await progress(course);
  } catch (error) {
    load.abandon();
    await switching?.stop();
    throw error;
  }
  const report = await load.stop();
  if (switching === undefined && !indexed) return { ...report, changes: 0, brokenSeals: 0 };
  await switching?.stop();
  if (old) await old.stop();
  const last = switching === undefined ? [] : lastConfigurations(indexed, loses || besideOld);
  const found = await settle(servers.url, redis, last);
  const brokenSeals = found + ((await server.metric("rollcall_store_broken_seals_total")) ?? 0);
  const changes = switching?.changes ?? 0;
  if (!indexed) return { ...report, changes, brokenSeals };
  await isReady();
  const unfound = await unfoundUsers(createRollcallClient(server.url), load.ids);
  return { ...report, changes, brokenSeals, unfound: report.unfound + unfound.length };
}

/**
 * What a store that was changed all the while should be in the end.
 *
 * @param afresh whether users may be without their seals, so that all of them are sealed anew. Entries in indexes come back by themselves
 */
function lastConfigurations(indexed: boolean, afresh: boolean): readonly Wanted[] {
  const feature = (afresh ? [false, true] : [true]).map(withRehearsal);
  return indexed ? [...feature, indexedBy(loadIndexes)] : feature;
}

function argumentsOf({ redisWaitReplicas }: Setting["redis"]): string[] {
  return redisWaitReplicas === undefined ? [] : ["--redis-wait-replicas", String(redisWaitReplicas)];
}

/** Waits until imports and single writes have gone on for a while, users have been found, and the configuration has changed if it is to. */
export async function progress({ load: { report }, isIndexed, switching, random }: Course): Promise<void> {
  const before = { ...report };
  const changesBefore = switching?.changes ?? 0;
  const writes = Math.ceil(random() * maxBetweenFaults);
  // While indexes change, hardly anybody may be found.
  const isFinding = isIndexed && switching === undefined;
  const goesOn = () =>
    report.imported > before.imported &&
    report.written >= before.written + writes &&
    (!isFinding || report.found > before.found) &&
    (switching === undefined || switching.changes > changesBefore);
  await until(goesOn, progressTimeoutMs).catch((error: unknown) => {
    throw new Error(`the load stands still: ${JSON.stringify(before)}, then ${JSON.stringify(report)}`, {
      cause: error,
    });
  });
}
