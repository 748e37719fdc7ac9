/** Stores as the server uses them, empty, and gone when they are closed. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { coalesce } from "../../src/store/coalescing-store.ts";
import { openRedisStore } from "../../src/store/redis/redis-store.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { UserStore } from "../../src/users/store.ts";
import { startRedis } from "./redis.ts";
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
  const store = coalesce(await openSqliteStore(join(directory, "users.db")));
  return {
    store,
    async close() {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** In a server of its own. */
export async function openTemporaryRedis(): Promise<TemporaryStore> {
  const server = await startRedis();
  const store = coalesce(openRedisStore({ url: server.url, onConnectionError: () => {} }));
  await until(() => store.check());
  return {
    store,
    async close() {
      await store.close();
      await server.stop();
    },
  };
}
