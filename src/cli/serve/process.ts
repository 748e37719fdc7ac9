/** A process that serves: all there is, or one of several workers. */
import cluster from "node:cluster";
import { formatAddress } from "../../config/address.ts";
import type { ServeSettings } from "../../config/options.ts";
import { type RunningServer, startServer } from "../../server/server.ts";
import { settledWithin } from "../../server/settled-within.ts";
import { describeFailure } from "../../telemetry/failure-log.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { openTelemetry, type Telemetry } from "../../telemetry/telemetry.ts";
import { CliError } from "../cli-error.ts";
import { onStopSignal, stopSignals } from "../stop-signals.ts";
import { version } from "../version.ts";
import { drainRequest, readQuestion, type WorkerAnswer, type WorkerQuestion, type WorkerReport } from "./messages.ts";

/** How long a stop waits for the collector to take what has not been sent. */
const lastTelemetryMs = 2_000;

/**
 * Serves until it is told to stop, then ends the process.
 *
 * @param announce called once it listens; in a worker, whoever leads it is told instead
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
      // Before it serves, nothing is under way.
      await server?.drain();
      metrics?.close();
      await closeTelemetry();
      logger.info("stopped");
      process.exit(0);
    } catch (error) {
      logger.error(describeFailure(error), "the stop failed");
      process.exit(1);
    }
  };
  const stopAtOnce = (signal: NodeJS.Signals) => {
    logger.warn({ signal }, "stopped at once");
    process.exit(1);
  };

  const led = options.workers > 1 ? cluster.worker : undefined;
  if (led === undefined) {
    onStopSignal(stop, stopAtOnce);
  } else {
    process.on("SIGTERM", stop);
    // A terminal sends the others to every process; the leader says what they mean.
    for (const signal of stopSignals) if (signal !== "SIGTERM") process.on(signal, () => {});
    // Without it, node:cluster ends a worker at once when its leader is gone, whatever it has under way.
    led.exitedAfterDisconnect = true;
    process.on("disconnect", () => stop("whoever led the workers has ended"));
    // What cannot be sent any more: that the leader is gone is all there is to know.
    led.on("error", (error) => logger.debug({ reason: error.message }, "the leader cannot be told"));
    process.on("message", (message) => {
      if (message === drainRequest) stop(drainRequest);
      const asked = readQuestion(message);
      if (asked !== undefined) answer(asked).catch((error: unknown) => logger.error(describeFailure(error)));
    });
    const answer = async ({ question, about }: WorkerQuestion) => {
      const told: WorkerAnswer =
        about === "metrics"
          ? { question, metrics: (await telemetry?.pull?.()) ?? [] }
          : { question, ready: server?.serving ?? false };
      if (led.isConnected()) led.send(told);
    };
  }

  try {
    const pulled = options.metricsListen !== undefined;
    telemetry = await openTelemetry({ pulled, env: process.env, version: version(), logger });
    const { pull } = telemetry;
    if (options.metricsListen !== undefined && pull !== undefined && led === undefined) {
      const { serveMetrics } = await import("../../telemetry/metrics-listener.ts");
      const failed = (error: unknown) => logger.error(describeFailure(error), "the metrics cannot be collected");
      const watched = {
        metrics: async () => new Map([["", await pull()]]),
        // Who answers is alive.
        alive: async () => true,
        ready: async () => server?.serving ?? false,
      };
      const served = await serveMetrics(options.metricsListen, watched, failed);
      logger.info({ address: served.address }, "metrics are served");
      metrics = served;
    }
    const { maxConnections, maxConnectionAge, maxCalls, maxStreams, maxHeldMib, drainTimeout } = options;
    const maxConnectionAgeMs = maxConnectionAge === 0 ? Number.POSITIVE_INFINITY : maxConnectionAge * 1_000;
    const limits = { maxConnections, maxConnectionAgeMs, maxCalls, maxStreams, maxHeldBytes: maxHeldMib * 1024 ** 2 };
    server = await startServer({
      ...options,
      limits,
      drainTimeoutMs: drainTimeout * 1_000,
      telemetry,
      accessLogShare: options.accessLog,
      logger,
    });
  } catch (error) {
    // A worker lives as long as its tie to whoever leads it.
    stopping = true;
    process.exitCode = 1;
    metrics?.close();
    await closeTelemetry();
    if (process.connected) process.disconnect();
    // Once the error is told: what OpenTelemetry still tries to send would keep the process for long.
    setImmediate(() => process.exit());
    throw new CliError(error instanceof Error ? error.message : String(error));
  }

  const { host, port } = server.address;
  const address = formatAddress({ host, port });
  if (led === undefined) {
    announce(address);
  } else {
    const report: WorkerReport = { address };
    led.send(report);
  }
}
