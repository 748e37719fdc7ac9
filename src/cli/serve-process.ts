/** A process that serves: all there is, or one of several workers. */
import type { Address } from "../config/options.ts";
import type { StoreLocation } from "../config/store-url.ts";
import type { RedisSettings } from "../server/open-store.ts";
import { startServer } from "../server/server.ts";
import type { Logger, LogLevel } from "../telemetry/logger.ts";
import { CliError } from "./cli-error.ts";

export interface ServeOptions extends RedisSettings {
  readonly listen: Address;
  readonly store: StoreLocation;
  readonly workers: number;
  readonly requiredProperties: readonly string[];
  readonly drainTimeout: number;
  readonly logLevel: LogLevel;
}

/** What a worker tells the process that leads it, once it listens. */
interface WorkerReport {
  readonly url: string;
}

/** What that process tells its workers. */
export const drainRequest = "drain";

/**
 * Serves until it is told to stop, then ends the process.
 *
 * @param announce called once it listens; in a worker, whoever leads it is told instead
 * @throws CliError if it cannot start
 */
export async function serveHere(options: ServeOptions, logger: Logger, announce: (url: string) => void): Promise<void> {
  const server = await startServer({ ...options, drainTimeoutMs: options.drainTimeout * 1_000, logger }).catch(
    (error: unknown) => {
      // A worker lives as long as its tie to whoever leads it.
      if (process.connected) process.disconnect();
      throw new CliError(error instanceof Error ? error.message : String(error));
    },
  );

  let stopping: string | undefined;
  const stop = (reason: string) => {
    if (stopping !== undefined) return;
    stopping = reason;
    logger.info({ reason }, "stopping");
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
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping === signal) {
      logger.warn({ signal }, "stopped at once");
      process.exit(1);
    }
    stop(signal);
  };
  process.on("SIGTERM", onSignal);

  const { host, port } = server.address;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (options.workers === 1) {
    process.on("SIGINT", onSignal);
    announce(url);
    return;
  }
  // A terminal sends it to every process; who leads them says what it means.
  process.on("SIGINT", () => {});
  process.on("message", (message) => {
    if (message === drainRequest) stop(drainRequest);
  });
  process.on("disconnect", () => stop("whoever led the workers has ended"));
  const report: WorkerReport = { url };
  process.send?.(report);
}
