/** Stores as the server uses them, empty, and gone when they are closed. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { version } from "../../src/config/version.ts";
import { openAdministration, openStore, type RedisSettings } from "../../src/server/open-store.ts";
import type { StoreAdapter } from "../../src/store/adapter.ts";
import type { StoreAdministration } from "../../src/store/administration.ts";
import { firstConfiguration, withFeatures, withIndexes } from "../../src/store/configuration.ts";
import { coalesce } from "../../src/store/lanes/coalescing-store.ts";
import { partitionOf } from "../../src/store/redis/keys.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import type { Feature } from "../../src/users/features.ts";
import { parseIndexedProperties } from "../../src/users/indexes/indexed-property.ts";
import type { UserStore } from "../../src/users/store.ts";
import { startRedis } from "./redis.ts";
import { startCluster } from "./redis-cluster.ts";
import { startSentinels } from "./redis-sentinel.ts";
import { brokenSealsIn, sweepAll } from "./sweep-all.ts";
import { until } from "./until.ts";

export interface TemporaryStore {
  /** As `--store` takes it. */
  readonly url: string;
  readonly store: UserStore;
  /** Sees and changes its configuration, as the command line does. */
  readonly administration: StoreAdministration;
  /** How many broken seals it has found. */
  brokenSeals(): number;
  /** Does all background work that there is. */
  sweep(): Promise<void>;
  /** Does the next slice of it where a user is. */
  sweepSlice(id: string): Promise<void>;
  close(): Promise<void>;
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "rollcall-sqlite-"));
}

export async function openTemporarySqlite(): Promise<TemporaryStore> {
  const directory = temporaryDirectory();
  const path = join(directory, "users.db");
  const adapter = await openSqliteStore(path);
  const store = coalesce(adapter, defaultServerLimits.maxWaitingBytes);
  const url = `sqlite:${path}`;
  const administration = await administrationOf(url);
  return {
    url,
    store,
    administration,
    ...backgroundOf(adapter),
    async close() {
      administration.close();
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** Users in Redis, as the server uses them. */
export async function openRedis(url: string, settings: RedisSettings = {}): Promise<UserStore> {
  return coalesce(
    await openStore(parseStoreLocation(url), settings, createLogger("silent")),
    defaultServerLimits.maxWaitingBytes,
  );
}

function backgroundOf(adapter: StoreAdapter): Pick<TemporaryStore, "brokenSeals" | "sweep" | "sweepSlice"> {
  return {
    brokenSeals: () => brokenSealsIn(adapter),
    sweep: () => sweepAll(adapter),
    async sweepSlice(id) {
      const { partitions = 0 } = adapter.sweep ?? {};
      await adapter.sweep?.sweep(partitions === 1 ? 0 : partitionOf(id));
    },
  };
}

export function administrationOf(url: string, settings: RedisSettings = {}): Promise<StoreAdministration> {
  return openAdministration(parseStoreLocation(url), settings, createLogger("silent"));
}

/** Switches on these features and no others. */
export async function switchFeatures(administration: StoreAdministration, features: readonly Feature[]): Promise<void> {
  const { current } = await administration.read();
  const { configuration = firstConfiguration(version()).configuration } = current;
  if (configuration.features.join() === features.join()) return;
  expect(await administration.change(current, withFeatures(configuration, features))).toBe(true);
}

/** Gives the store these indexes and no others, as `rollcall indexes` reads them. */
export async function switchIndexes(administration: StoreAdministration, indexes: string): Promise<void> {
  const { current } = await administration.read();
  const { configuration = firstConfiguration(version()).configuration } = current;
  expect(await administration.change(current, withIndexes(configuration, parseIndexedProperties(indexes)))).toBe(true);
}

/** In a server of its own. */
export function openTemporaryRedis(): Promise<TemporaryStore> {
  return openIn(startRedis());
}

/** In a cluster of its own: three primaries with a replica each, which every answer waits for. */
export function openTemporaryCluster(): Promise<TemporaryStore> {
  return openIn(startCluster(), { redisWaitReplicas: 1 });
}

/** In a primary of its own, with a replica and three Sentinels; every answer waits for the replica. */
export function openTemporarySentinels(): Promise<TemporaryStore> {
  return openIn(startSentinels(), { redisWaitReplicas: 1 });
}

async function openIn(
  starting: Promise<{ url: string; stop(): Promise<void> }>,
  settings: RedisSettings = {},
): Promise<TemporaryStore> {
  const servers = await starting;
  const adapter = await openStore(parseStoreLocation(servers.url), settings, createLogger("silent"));
  const store = coalesce(adapter, defaultServerLimits.maxWaitingBytes);
  await until(() => store.check().then(() => true));
  const administration = await administrationOf(servers.url, settings);
  return {
    url: servers.url,
    store,
    administration,
    ...backgroundOf(adapter),
    async close() {
      administration.close();
      await store.close();
      await servers.stop();
    },
  };
}
