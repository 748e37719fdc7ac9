/** What goes on while faults befall Redis: a load through servers, and changes of the store's configuration; and what came of it. */
import type { RedisSettings } from "../../src/server/open-store.ts";
import { type FaultLoad, type FaultLoadOptions, type FaultLoadReport, startFaultLoad } from "./fault-load.ts";
import { type Switching, settle, startSwitching } from "./fault-switching.ts";
import { serveOld } from "./old-version.ts";
import { seededRandom } from "./random.ts";
import { startTestServer } from "./server.ts";
import { until } from "./until.ts";

export interface ScenarioOptions extends FaultLoadOptions {
  /** Whether half of the writes go through a server of the version before this one. Default: none do. */
  readonly besideOld?: boolean;
  /** Whether a feature of the store is switched on and off all the while. Default: none is. */
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
  readonly switching: Switching | undefined;
  readonly random: () => number;
}

/** How many single writes go on between two faults, at most, so that each fault meets items in flight. */
const maxBetweenFaults = 60;
const progressTimeoutMs = 30_000;

/** Lets the load run through what befalls the servers and come to its end afterwards. */
export async function against<Servers extends { readonly url: string; stop(): Promise<void> }>(
  starting: Promise<Servers>,
  { redis, load: options, seed, loses = false }: Setting,
  faults: (servers: Servers, course: Course) => Promise<void>,
): Promise<FaultReport> {
  await using closing = new AsyncDisposableStack();
  const servers = await starting;
  closing.defer(() => servers.stop());
  const server = await startTestServer({ store: servers.url, redis });
  closing.defer(() => server.stop());
  const urls = [server.url];
  // Of its failures, callers see enough.
  const old = options.besideOld && (await serveOld(servers.url, [...argumentsOf(redis), "--log-level", "silent"]));
  if (old) {
    closing.defer(async () => {
      await old.stop();
    });
    urls.push(old.url);
  }
  const random = seededRandom(seed);
  const switching = options.switching ? await startSwitching(servers.url, redis, seededRandom(seed + 1)) : undefined;
  const load = startFaultLoad(urls, options);
  try {
    const course = { load, switching, random };
    await faults(servers, course);
    await progress(course);
  } catch (error) {
    load.abandon();
    await switching?.stop();
    throw error;
  }
  const report = await load.stop();
  if (switching === undefined) return { ...report, changes: 0, brokenSeals: 0 };
  await switching.stop();
  if (old) await old.stop();
  const found = await settle(servers.url, redis, loses || options.besideOld === true);
  const brokenSeals = found + ((await server.metric("rollcall_store_broken_seals_total")) ?? 0);
  return { ...report, changes: switching.changes, brokenSeals };
}

function argumentsOf({ redisWaitReplicas }: Setting["redis"]): string[] {
  return redisWaitReplicas === undefined ? [] : ["--redis-wait-replicas", String(redisWaitReplicas)];
}

/** Waits until imports and single writes have gone on for a while, and the configuration has changed if it is to. */
export async function progress({ load: { report }, switching, random }: Course): Promise<void> {
  const before = { ...report };
  const changesBefore = switching?.changes ?? 0;
  const writes = Math.ceil(random() * maxBetweenFaults);
  const goesOn = () =>
    report.imported > before.imported &&
    report.written >= before.written + writes &&
    (switching === undefined || switching.changes > changesBefore);
  await until(goesOn, progressTimeoutMs).catch((error: unknown) => {
    throw new Error(`the load stands still: ${JSON.stringify(before)}, then ${JSON.stringify(report)}`, {
      cause: error,
    });
  });
}
