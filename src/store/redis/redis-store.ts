import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { limits } from "../../users/limits.ts";
import type { UserStore, WriteCommand, WriteResult } from "../../users/store.ts";
import { maxReadBytes, packCommands, readAll, unpackFound, unpackIds, unpackResults } from "../packed.ts";
import { deletionKey, idsKey, partitionCount, partitionOf, userKey } from "./keys.ts";
import { runScript, type Script, script } from "./script-runner.ts";

const connectTimeoutMs = 1_000;
const maxReconnectPauseMs = 250;
/** Longer than a command is repeated because its answer was lost. */
const rememberDeletionMs = 60_000;

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
  const scripts = { write: load("merge", "write"), get: load("get"), list: load("list"), check: load("check") };

  return {
    async write(commands) {
      const partitions = commands.map((command) => partitionOf(command.id));
      const touched = [...new Set(partitions)];
      const groups = new Map(touched.map((partition, index) => [partition, index + 1]));
      const packed = packCommands(commands, touched.length, (index) => groups.get(partitions[index] ?? -1) ?? 0);
      const users = commands.map((command) => userKey(command.id));
      const deletions = commands.filter(({ verb }) => verb === "delete").map(({ id, etag }) => deletionKey(id, etag));
      const keys = [...touched.map(idsKey), ...users, ...deletions];
      const { bytes, repeated } = await run(redis, scripts.write, keys, [packed, ...bounds]);
      const results = unpackResults(bytes, commands);
      return repeated ? results.map((result, index) => asRepeated(result, commands[index])) : results;
    },
    get(ids) {
      return readAll(ids, async (some) => {
        const { bytes } = await run(redis, scripts.get, some.map(userKey), [maxReadBytes]);
        return unpackFound(bytes, some);
      });
    },
    async list(after, count) {
      const first = after === undefined ? 0 : partitionOf(after);
      const keys = Array.from({ length: partitionCount - first }, (_, index) => idsKey(first + index));
      return unpackIds((await run(redis, scripts.list, keys, [after ?? "", count])).bytes);
    },
    async check() {
      await runScript(redis, scripts.check, [`${idsKey(0)}:check`], []);
    },
    async close() {
      redis.disconnect();
    },
  };
}

/** What write.lua takes beside the commands. */
const bounds = [
  limits.maxProperties,
  limits.maxPropertiesBytes,
  limits.maxPreferencesBytes,
  limits.maxObservedAheadSeconds * 1_000_000,
  rememberDeletionMs,
];

async function run(
  redis: Redis,
  what: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<{ bytes: Buffer; repeated: boolean }> {
  const { answer, repeated } = await runScript(redis, what, keys, args);
  if (Buffer.isBuffer(answer)) return { bytes: answer, repeated };
  throw new TypeError("a script answered with something else than bytes");
}

/**
 * The result of a command that may have been applied by an earlier attempt. If nobody has written since, the script
 * recognises that, and a deletion for a while whoever has; else it holds the command against what another has written
 * over it, and a refusal says nothing about the attempt before.
 */
function asRepeated(result: WriteResult, command: WriteCommand | undefined): WriteResult {
  if (command === undefined || command.verb === "delete" || !("refused" in result)) return result;
  const conditional = command.precondition !== undefined || command.verb === "set-preferences";
  return conditional && ["not-found", "already-exists", "etag-mismatch"].includes(result.refused)
    ? { refused: "uncertain" }
    : result;
}

/** A script made of files, one after the other. */
function load(...names: readonly string[]): Script {
  const read = (name: string) => readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), "utf8");
  return script(names.map(read).join("\n"));
}
