import { setFlagsFromString } from "node:v8";
import { Command } from "commander";
import { type Address, serveOptions } from "../config/options.ts";
import { describeStoreLocation, type StoreLocation } from "../config/store-url.ts";
import type { RedisSettings } from "../server/open-store.ts";
import { createLogger, type LogLevel } from "../telemetry/logger.ts";
import { CliError } from "./cli-error.ts";

interface Options extends RedisSettings {
  readonly listen: Address;
  readonly store: StoreLocation;
  readonly requiredProperties: readonly string[];
  readonly drainTimeout: number;
  readonly logLevel: LogLevel;
}

export function serveCommand(): Command {
  return new Command("serve")
    .description("run the service until it is told to stop (SIGTERM or SIGINT; a second one stops at once)")
    .addOption(serveOptions.listen())
    .addOption(serveOptions.store())
    .addOption(serveOptions.redisWaitReplicas())
    .addOption(serveOptions.redisKeyPrefix())
    .addOption(serveOptions.redisCa())
    .addOption(serveOptions.redisCert())
    .addOption(serveOptions.redisKey())
    .addOption(serveOptions.redisSentinelUsername())
    .addOption(serveOptions.redisSentinelPassword())
    .addOption(serveOptions.requiredProperties())
    .addOption(serveOptions.drainTimeout())
    .addOption(serveOptions.logLevel())
    .action(serve);
}

/**
 * V8 gives objects a place among the old ones at once if many of their kind have outlived a collection, as all do that a
 * stream has under way. They die soon after, and it takes several times as long to clear them away there.
 */
const v8Flags = "--no-allocation-site-pretenuring";

async function serve(options: Options): Promise<void> {
  setFlagsFromString(v8Flags);
  // Only this command needs the server's parts.
  const { startServer } = await import("../server/server.ts");
  const logger = createLogger(options.logLevel);
  const store = describeStoreLocation(options.store);
  const server = await startServer({ ...options, drainTimeoutMs: options.drainTimeout * 1_000, logger }).catch(
    (error: unknown) => {
      throw new CliError(error instanceof Error ? error.message : String(error));
    },
  );

  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) {
      logger.warn({ signal }, "stopped at once");
      process.exit(1);
    }
    stopping = true;
    logger.info({ signal }, "stopping");
    server.drain().then(
      () => {
        logger.info("stopped");
        process.exit(0);
      },
      (error: unknown) => {
        logger.error({ err: error }, "the stop failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);

  const { host, port } = server.address;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const example = JSON.stringify({ id: "u1", properties: { name: "Ada", email: "ada@example.com" } });
  console.log(
    `Rollcall serves on ${url}, users in ${store}. Try: curl --json '${example}' ${url}/rollcall.v1.UserService/Identify`,
  );
  logger.info({ url, store }, "started");
}
