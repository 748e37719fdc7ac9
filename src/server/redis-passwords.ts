/** Passwords of Redis and its Sentinels, from the URL, an option, or a file that is read again when it changes. */
import type { RedisLocation } from "../config/redis-url.ts";
import { type WatchedFile, watchedFile } from "../config/watched-file.ts";
import type { RedisPasswords } from "../store/redis/servers/access.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { RedisSettings } from "./open-store.ts";

interface WatchedRedisPasswords extends RedisPasswords {
  close(): void;
}

/** @throws Error that names the option if a file cannot be used or a password is given twice */
export function openRedisPasswords(
  { username, password }: RedisLocation,
  { redisPasswordFile, redisSentinelPassword, redisSentinelPasswordFile }: RedisSettings,
  logger: Logger,
): WatchedRedisPasswords {
  if (redisPasswordFile !== undefined && password !== undefined) {
    throw new Error("--redis-password-file is given, and --store has a password too: leave one of them out");
  }
  if (redisSentinelPasswordFile !== undefined && redisSentinelPassword !== undefined) {
    throw new Error(
      "--redis-sentinel-password and --redis-sentinel-password-file exclude one another: leave one of them out",
    );
  }
  if (username !== undefined && password === undefined && redisPasswordFile === undefined) {
    throw new Error("--store has a user and no password: write USER:PASSWORD@, or give --redis-password-file");
  }
  const server = watch("--redis-password-file", redisPasswordFile, logger);
  let sentinel: WatchedFile<string> | undefined;
  try {
    sentinel = watch("--redis-sentinel-password-file", redisSentinelPasswordFile, logger);
  } catch (error) {
    server?.close();
    throw error;
  }
  return {
    get server() {
      return server?.content ?? password;
    },
    get sentinel() {
      return sentinel?.content ?? redisSentinelPassword;
    },
    close() {
      server?.close();
      sentinel?.close();
    },
  };
}

function watch(option: string, path: string | undefined, logger: Logger): WatchedFile<string> | undefined {
  if (path === undefined) return undefined;
  try {
    return watchedFile({
      path,
      parse: parsePassword,
      onChange: () => logger.info({ file: path }, "a password of Redis was read again; new connections use it"),
      onError: ({ message }) =>
        logger.error({ reason: message }, "a changed password of Redis cannot be used; the previous one stays in use"),
    });
  } catch (error) {
    throw new Error(`${option} cannot be used: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** The only line of the file, without the line break that editors and `echo` add. */
function parsePassword(content: Buffer): string {
  const password = content.toString("utf8").replace(/[\r\n]+$/, "");
  if (password === "") throw new Error("it is empty");
  if (/[\r\n\0]/.test(password)) throw new Error("it has more than one line");
  return password;
}
