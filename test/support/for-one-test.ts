/** Servers and stores that end with the test that started them. */
import { onTestFinished } from "vitest";
import type { RedisSettings } from "../../src/server/open-store.ts";
import type { UserStore } from "../../src/users/store.ts";
import { type RedisProcess, startRedis } from "./redis.ts";
import { openRedis } from "./stores.ts";

/** @param args further arguments of redis-server */
export async function redisWith(...args: string[]): Promise<RedisProcess> {
  const redis = await startRedis({ args });
  onTestFinished(() => redis.stop());
  return redis;
}

export async function storeIn(url: string, settings: RedisSettings = {}): Promise<UserStore> {
  const store = await openRedis(url, settings);
  onTestFinished(() => store.close());
  return store;
}
