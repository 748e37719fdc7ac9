/** Stores as the server uses them, empty, and gone when they are closed. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openStore, type RedisSettings } from "../../src/server/open-store.ts";
import { coalesce } from "../../src/store/lanes/coalescing-store.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import type { UserStore } from "../../src/users/store.ts";
import { startRedis } from "./redis.ts";
import { startCluster } from "./redis-cluster.ts";
import { startSentinels } from "./redis-sentinel.ts";
import { until } from "./until.ts";

export interface TemporaryStore {
  readonly store: UserStore;
  close(): Promise<void>;
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "rollcall-sqlite-"));
}

export async function openTemporarySqlite(): Promise<TemporaryStore> {
  const directory = temporaryDirectory();
  const store = coalesce(await openSqliteStore(join(directory, "users.db")), defaultServerLimits.maxWaitingBytes);
  return {
    store,
    async close() {
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
  const store = await openRedis(servers.url, settings);
  await until(() => store.check().then(() => true));
  return {
    store,
    async close() {
      await store.close();
      await servers.stop();
    },
  };
}
