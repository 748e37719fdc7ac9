/** The process that leads several workers, which share a port: node:cluster gives each connection to one of them. */
import cluster, { type Worker } from "node:cluster";
import type { Address } from "../../config/address.ts";
import { describeFailure } from "../../telemetry/failure-log.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { CliError } from "../cli-error.ts";
import { onStopSignal } from "../stop-signals.ts";
import { drainRequest, readFromWorker } from "./messages.ts";
import { WorkerQuestions } from "./worker-questions.ts";

/** After half a minute in which no worker starts, it is for whoever watches over the process to find it a better place. */
const defaultRestartPausesMs = [1_000, 2_000, 4_000, 8_000, 16_000];

export interface LeaderOptions {
  /** How many workers. */
  readonly count: number;
  readonly logger: Logger;
  /** Where to serve the metrics of all workers, and to answer probes for them. */
  readonly metricsListen?: Address | undefined;
  /** Called once all of them listen. */
  readonly announce: (address: string) => void;
  /** How long they may take to stop before they are ended by force. */
  readonly stopTimeoutMs: number;
  /**
   * How long to wait before others take the place of workers that ended: the first pause where the last attempt brought one
   * that serves, the next one after each attempt in a row that brought none. After the last pause's attempt it gives up.
   */
  readonly restartPausesMs?: readonly number[];
}

/**
 * Starts workers, and others in place of those that end, until it is told to stop or gives up; then ends the process once
 * all of them have stopped.
 *
 * @throws CliError if one of them cannot start in the beginning, for a reason that it has printed
 */
export async function leadWorkers(options: LeaderOptions): Promise<never> {
  const { count, logger, announce, stopTimeoutMs, restartPausesMs = defaultRestartPausesMs } = options;
  const args = cluster.settings.args ?? process.argv.slice(2);
  /** Those whose process has not ended, and of them those that have told where they listen. */
  const running = new Set<Worker>();
  const serving = new Set<Worker>();
  const questions = new WorkerQuestions();
  if (options.metricsListen !== undefined) await serveWorkerMetrics(options.metricsListen, questions, serving, logger);
  return new Promise((_, reject) => {
    let address: string | undefined;
    let announced = false;
    /** Attempts in a row to replace workers that brought none that serves. */
    let failures = 0;
    let restart: NodeJS.Timeout | undefined;
    let stopping = false;
    let failed = false;

    const start = () => {
      restart = undefined;
      while (running.size < count) {
        const worker = cluster.fork();
        running.add(worker);
        logger.debug({ worker: worker.process.pid }, "a worker starts");
        worker.on("message", (message: unknown) => {
          const read = readFromWorker(message);
          if ("address" in read) onReport(worker, read.address);
          else questions.onAnswer(read);
        });
        worker.on("exit", (status, signal) => onEnd(worker, { status, signal }));
        // What cannot be sent to a worker is lost with it: its end is what counts. One that was never born has no other; the
        // error holds its arguments, and so passwords.
        worker.on("error", ({ message }) => {
          if (worker.isDead()) onEnd(worker, { reason: message });
        });
      }
    };
    const onReport = (worker: Worker, reported: string) => {
      if (stopping) return;
      address ??= reported;
      if (reported !== address) {
        // Asked for port 0, workers share a socket that is gone with the last of them: then it would be another port.
        cluster.setupPrimary({ args: [...args, "--listen", address] });
        logger.warn(
          { worker: worker.process.pid, address: reported },
          "a worker listens elsewhere than the others did",
        );
        worker.process.kill("SIGKILL");
        return;
      }
      serving.add(worker);
      failures = 0;
      if (announced || serving.size < count) return;
      announced = true;
      announce(address);
    };
    const onEnd = (worker: Worker, how: { status?: number; signal?: string; reason?: string }) => {
      if (!running.delete(worker)) return;
      const served = serving.delete(worker);
      if (stopping) {
        failed ||= served && how.status !== 0;
        if (running.size === 0) finish();
        return;
      }
      if (!announced) {
        reject(new CliError("a worker could not start"));
        failed = true;
        stop("a worker could not start");
        return;
      }
      logger.error({ worker: worker.process.pid, ...how }, "a worker has ended; another takes its place");
      // Those that end before the next attempt belong to the last one.
      if (restart !== undefined) return;
      if (!served) failures++;
      const pauseMs = restartPausesMs[failures];
      if (pauseMs !== undefined) {
        restart = setTimeout(start, pauseMs);
        return;
      }
      logger.error({ attempts: failures }, "no worker could take its place; giving up");
      failed = true;
      stop("workers cannot start");
    };

    const stop = (reason: string) => {
      if (stopping) return;
      stopping = true;
      logger.info({ reason }, "stopping");
      clearTimeout(restart);
      if (running.size === 0) finish();
      for (const worker of running) {
        // A message may be lost on one that is still starting. The others may have had the signal themselves, and a second
        // one would stop them at once.
        if (!serving.has(worker)) worker.process.kill("SIGTERM");
        else if (worker.isConnected()) worker.send(drainRequest);
      }
      setTimeout(() => {
        logger.error("workers have not stopped in time; they are ended by force");
        stopAtOnce();
      }, stopTimeoutMs);
    };
    const finish = () => {
      logger.info("stopped");
      process.exit(failed ? 1 : 0);
    };
    const stopAtOnce = () => {
      for (const worker of running) worker.process.kill("SIGKILL");
      process.exit(1);
    };
    onStopSignal(stop, (signal) => {
      logger.warn({ signal }, "stopped at once");
      stopAtOnce();
    });
    start();
  });
}

/** @throws CliError if the address is not free */
async function serveWorkerMetrics(
  address: Address,
  questions: WorkerQuestions,
  serving: ReadonlySet<Worker>,
  logger: Logger,
): Promise<void> {
  const { serveMetrics } = await import("../../telemetry/metrics-listener.ts");
  const onError = (error: unknown) => logger.error(describeFailure(error), "the metrics cannot be collected");
  const watched = {
    metrics: () => questions.metrics(serving),
    alive: () => questions.alive(serving),
    ready: () => questions.ready(serving),
  };
  try {
    const served = await serveMetrics(address, watched, onError);
    logger.info({ address: served.address }, "metrics are served");
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error));
  }
}
