import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { limits } from "../../users/limits.ts";
import type { UserStore } from "../../users/store.ts";
import { packCommands, unpackFound, unpackResults } from "../packed.ts";
import { idsKey, partitionOf, userKey } from "./keys.ts";
import { runScript, type Script, script } from "./script-runner.ts";

const connectTimeoutMs = 1_000;
const maxReconnectPauseMs = 250;

export interface RedisStoreOptions {
  /** `redis://[[user]:password@]host[:port][/database]` */
  readonly url: string;
  /** Called with each failure of the connection, which is then made again. */
  readonly onConnectionError: (error: Error) => void;
}

/**
 * Users kept in one Redis server, as hashes; see keys.ts. What it answers has been executed by the server. The
 * connection is made at once and made again whenever it breaks; until then calls wait a moment and then reject with
 * STORE_UNAVAILABLE.
 */
export function openRedisStore(options: RedisStoreOptions): UserStore {
  const redis = new Redis(options.url, {
    connectTimeout: connectTimeoutMs,
    // Waiting and trying again is done for whole calls, so that their order and their bound in time hold.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 10, maxReconnectPauseMs),
  });
  redis.on("error", options.onConnectionError);
  const scripts = { identify: load("identify"), get: load("get"), check: load("check") };

  return {
    async identify(commands) {
      const partitions = commands.map((command) => partitionOf(command.id));
      const touched = [...new Set(partitions)];
      const groups = new Map(touched.map((partition, index) => [partition, index + 1]));
      const packed = packCommands(commands, touched.length, (index) => groups.get(partitions[index] ?? -1) ?? 0);
      const keys = [...touched.map(idsKey), ...commands.map((command) => userKey(command.id))];
      const bounds = [limits.maxProperties, limits.maxPropertiesBytes];
      return unpackResults(await run(redis, scripts.identify, keys, [packed, ...bounds]), commands);
    },
    async get(ids) {
      return unpackFound(await run(redis, scripts.get, ids.map(userKey), []), ids);
    },
    async check() {
      await runScript(redis, scripts.check, [`${idsKey(0)}:check`], []);
    },
    async close() {
      redis.disconnect();
    },
  };
}

async function run(redis: Redis, what: Script, keys: readonly string[], args: (number | Buffer)[]): Promise<Buffer> {
  const answer = await runScript(redis, what, keys, args);
  if (Buffer.isBuffer(answer)) return answer;
  throw new TypeError("a script answered with something else than bytes");
}

function load(name: string): Script {
  return script(readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), "utf8"));
}
