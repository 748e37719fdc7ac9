import type { SomeValuesOf } from "../config/declare-options.ts";
import type { redisOptions } from "../config/options.ts";
import { readPem } from "../config/pem.ts";
import type { RedisLocation } from "../config/redis-url.ts";
import type { StoreLocation } from "../config/store-url.ts";
import type { StoreAdapter } from "../store/adapter.ts";
import type { StoreAdministration } from "../store/administration.ts";
import type { RedisStoreOptions } from "../store/redis/redis-store.ts";
import type { StoreVerifier } from "../store/verify/verifier.ts";
import { withoutArguments } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import { openRedisPasswords } from "./redis-passwords.ts";
import { createReserveLog } from "./reserve-log.ts";

/** How to use Redis, where users are stored there. */
export type RedisSettings = SomeValuesOf<typeof redisOptions>;

/** @throws Error that says what is wrong with the location or a setting */
export async function openStore(
  location: StoreLocation,
  settings: RedisSettings,
  logger: Logger,
): Promise<StoreAdapter> {
  if (location.kind === "sqlite") {
    const { openSqliteStore } = await import("../store/sqlite/sqlite-store.ts");
    return openSqliteStore(location.path, { onReserve: createReserveLog(logger, location.path) });
  }
  // Loaded only if used: its client takes longer to load than all that SQLite needs.
  const { openRedisStore } = await import("../store/redis/redis-store.ts");
  const { options, close } = storeOptions(location, settings, logger);
  const store = openRedisStore(options);
  return {
    ...store,
    close() {
      close();
      return store.close();
    },
  };
}

/**
 * Opens a store to verify it, which a server may be using.
 *
 * @throws Error as openStore does, and if there is no SQLite database
 */
export async function openVerifier(
  location: StoreLocation,
  settings: RedisSettings,
  logger: Logger,
): Promise<StoreVerifier> {
  if (location.kind === "sqlite") {
    const { openSqliteVerifier } = await import("../store/sqlite/verify.ts");
    return openSqliteVerifier(location.path);
  }
  const { openRedisVerifier } = await import("../store/redis/verify.ts");
  const { options, close } = storeOptions(location, settings, logger);
  const verifier = openRedisVerifier(options);
  return {
    walk: () => verifier.walk(),
    close() {
      close();
      verifier.close();
    },
  };
}

/**
 * Opens a store to see or change its configuration. Servers may be using it.
 *
 * @throws Error as openStore does
 */
export async function openAdministration(
  location: StoreLocation,
  settings: RedisSettings,
  logger: Logger,
): Promise<StoreAdministration> {
  if (location.kind === "sqlite") {
    const { openSqliteAdministration } = await import("../store/sqlite/administration.ts");
    return openSqliteAdministration(location.path);
  }
  const { openRedisAdministration } = await import("../store/redis/administration.ts");
  const { options, close } = storeOptions(location, settings, logger);
  const administration = openRedisAdministration(options);
  return {
    ...administration,
    close() {
      close();
      administration.close();
    },
  };
}

/** @returns options for Redis; `close` stops watching its passwords */
function storeOptions(
  location: RedisLocation,
  settings: RedisSettings,
  logger: Logger,
): { options: RedisStoreOptions; close: () => void } {
  const files = [settings.redisCa, settings.redisCert, settings.redisKey];
  if (!location.tls && files.some((file) => file !== undefined)) {
    throw new Error("--redis-ca, --redis-cert and --redis-key need TLS: begin --store with rediss");
  }
  const tls = {
    ca: readPem("--redis-ca", settings.redisCa),
    cert: readPem("--redis-cert", settings.redisCert),
    key: readPem("--redis-key", settings.redisKey),
  };
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new Error("--redis-cert and --redis-key are given together");
  }
  if (location.topology === "standalone" && settings.redisNatMap !== undefined) {
    throw new Error("--redis-nat-map is for servers that announce addresses: redis+cluster:// and redis+sentinel://");
  }
  const passwords = openRedisPasswords(location, settings, logger);
  const options: RedisStoreOptions = {
    location,
    tls,
    passwords,
    sentinelUsername: settings.redisSentinelUsername,
    natMap: settings.redisNatMap ?? new Map(),
    keyPrefix: settings.redisKeyPrefix ?? "rollcall:",
    waitReplicas: settings.redisWaitReplicas ?? 0,
    onConnectionError: (error) => {
      logger.debug({ reason: withoutArguments(error.message) }, "a connection to Redis failed");
    },
  };
  return { options, close: () => passwords.close() };
}
