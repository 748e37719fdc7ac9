import type { StoreLocation } from "../config/store-url.ts";
import { openRedisStore } from "../store/redis/redis-store.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { UserStore } from "../users/store.ts";

/** @throws Error that names what is wrong with the location */
export async function openStore(location: StoreLocation, logger: Logger): Promise<UserStore> {
  switch (location.kind) {
    case "sqlite":
      return openSqliteStore(location.path);
    case "redis": {
      const onConnectionError = (error: Error) => logger.debug({ reason: error.message }, "Redis connection failed");
      return openRedisStore({ url: location.url, onConnectionError });
    }
  }
}
