/**
 * A process that serves: the only one, or one of several workers.
 *
 *     starting ── serves ──► serving ── signal, or the leader ──► draining ── drained, telemetry sent ──► exit 0
 *        └── cannot start ──► exit 1, with a CliError                 └── a second signal, or a failure ──► exit 1
 */
import cluster from "node:cluster";
import { formatAddress } from "../../config/address.ts";
import type { ServeSettings } from "../../config/options.ts";
import { version } from "../../config/version.ts";
import { type RunningServer, startServer } from "../../server/server.ts";
import { settledWithin } from "../../server/settled-within.ts";
import { describeFailure } from "../../telemetry/failure-log.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { openTelemetry, type Telemetry } from "../../telemetry/telemetry.ts";
import { CliError } from "../cli-error.ts";
import { onStopSignal } from "../stop-signals.ts";
import type { WorkerReport } from "./messages.ts";
import { openMetrics } from "./metrics.ts";
import { followLeader } from "./worker.ts";

/** How long a stop waits for the collector to take the last telemetry. */
const lastTelemetryMs = 2_000;

/**
 * Serves until it is told to stop, then ends the process.
 *
 * @param announce called once it listens; a worker tells its leader instead
 * @throws CliError if it cannot start
 */
export async function serveHere(
  options: ServeSettings,
  logger: Logger,
  announce: (address: string) => void,
): Promise<void> {
  let server: RunningServer | undefined;
  let telemetry: Telemetry | undefined;
  let metrics: { close(): void } | undefined;
  let stopping = false;
  const closeTelemetry = async () => {
    metrics?.close();
    if (telemetry === undefined) return;
    try {
      const isSent = await settledWithin(lastTelemetryMs, telemetry.close());
      if (!isSent) logger.warn("the last telemetry is lost: it could not be sent in time");
    } catch (error) {
      logger.warn(describeFailure(error), "the last telemetry is lost");
    }
  };
  const stop = async (reason: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason }, "stopping");
    try {
      await server?.drain();
      await closeTelemetry();
      logger.info("stopped");
      process.exit(0);
    } catch (error) {
      logger.error(describeFailure(error), "the stop failed");
      process.exit(1);
    }
  };
  const pull = async () => (await telemetry?.pull?.()) ?? [];
  const ready = () => server?.serving ?? false;

  const worker = options.workers > 1 ? cluster.worker : undefined;
  if (worker !== undefined) followLeader(worker, { stop, metrics: pull, ready }, logger);
  else {
    onStopSignal(stop, (signal) => {
      logger.warn({ signal }, "stopped at once");
      process.exit(1);
    });
  }

  try {
    const { metricsListen, drainTimeout, accessLog: accessLogShare } = options;
    telemetry = await openTelemetry({
      pulled: metricsListen !== undefined,
      env: process.env,
      version: version(),
      logger,
    });
    if (metricsListen !== undefined && worker === undefined) {
      const watched = {
        metrics: async () => new Map([["", await pull()]]),
        // A process that answers is alive.
        alive: async () => true,
        ready: async () => ready(),
      };
      metrics = await openMetrics(metricsListen, watched, logger);
    }
    const drainTimeoutMs = drainTimeout * 1_000;
    server = await startServer({
      ...options,
      limits: limitsOf(options),
      drainTimeoutMs,
      telemetry,
      accessLogShare,
      logger,
    });
  } catch (error) {
    stopping = true;
    process.exitCode = 1;
    await closeTelemetry();
    // A worker lives as long as it is connected to its leader.
    if (process.connected) process.disconnect();
    // Once the error has been printed: OpenTelemetry may try for long to send more.
    setImmediate(() => process.exit());
    throw new CliError(error instanceof Error ? error.message : String(error));
  }

  const address = formatAddress(server.address);
  if (worker === undefined) announce(address);
  else worker.send({ address } satisfies WorkerReport);
}

function limitsOf({ maxConnections, maxConnectionAge, maxCalls, maxStreams, maxHeldMib }: ServeSettings) {
  const maxConnectionAgeMs = maxConnectionAge === 0 ? Number.POSITIVE_INFINITY : maxConnectionAge * 1_000;
  return { maxConnections, maxConnectionAgeMs, maxCalls, maxStreams, maxHeldBytes: maxHeldMib * 1024 ** 2 };
}
