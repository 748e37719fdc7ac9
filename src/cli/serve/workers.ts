/**
 * The process that leads several workers, which share a port: node:cluster gives each connection to one of them.
 *
 *     starting ── all listen ──► serving ── a worker ends ──► restarting ── one listens ──► serving
 *        │ one ends                 │ signal                      │ signal, or too many attempts without one that listens
 *        └──────────────────────────┴──► draining ◄───────────────┘
 *                                           └── all have ended, or a second signal or the timeout has killed them ──► exit
 */
import cluster, { type Worker } from "node:cluster";
import type { Address } from "../../config/address.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { CliError } from "../cli-error.ts";
import { onStopSignal } from "../stop-signals.ts";
import { drainRequest, readFromWorker } from "./messages.ts";
import { openMetrics } from "./metrics.ts";
import { WorkerQuestions } from "./worker-questions.ts";

/** If no worker starts for half a minute, whatever supervises the process has to find it a better place. */
const defaultRestartPausesMs = [1_000, 2_000, 4_000, 8_000, 16_000];

export interface LeaderOptions {
  /** How many workers. */
  readonly count: number;
  readonly logger: Logger;
  /** Address for the metrics of all workers, and for probes. */
  readonly metricsListen?: Address | undefined;
  /** Called once all of them listen. */
  readonly announce: (address: string) => void;
  /** How long they may take to stop before they are killed. */
  readonly stopTimeoutMs: number;
  /** Pauses before workers are replaced: the first one, then one after each attempt in a row without a worker that serves. */
  readonly restartPausesMs?: readonly number[];
}

/**
 * Starts workers, and replaces those that end, until it is told to stop or gives up. Ends the process once all have stopped.
 *
 * @throws CliError if one cannot start at first, for a reason that it has printed
 */
export async function leadWorkers(options: LeaderOptions): Promise<never> {
  const { count, logger, announce, stopTimeoutMs, restartPausesMs = defaultRestartPausesMs } = options;
  const args = cluster.settings.args ?? process.argv.slice(2);
  /** Workers whose process has not ended, and those of them that listen. */
  const running = new Set<Worker>();
  const serving = new Set<Worker>();
  const questions = new WorkerQuestions();
  if (options.metricsListen !== undefined) {
    const watched = {
      metrics: () => questions.metrics(serving),
      alive: () => questions.alive(serving),
      ready: () => questions.ready(serving),
    };
    await openMetrics(options.metricsListen, watched, logger).catch((error: unknown) => {
      throw new CliError(error instanceof Error ? error.message : String(error));
    });
  }
  return new Promise((_, reject) => {
    let address: string | undefined;
    let announced = false;
    /** Attempts in a row to replace workers without one that serves. */
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
        // A failed send means that the worker has ended, which is handled there. One that never started has no other event. The
        // error itself holds arguments, and with them passwords.
        worker.on("error", ({ message }) => {
          if (worker.isDead()) onEnd(worker, { reason: message });
        });
      }
    };
    const onReport = (worker: Worker, reported: string) => {
      if (stopping) return;
      address ??= reported;
      if (reported !== address) {
        // For port 0, workers share a socket that goes with the last of them. The next one would have another port.
        cluster.setupPrimary({ args: [...args, "--listen", address] });
        logger.warn(
          { worker: worker.process.pid, address: reported },
          "a worker listens at another address than the others",
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
        if (running.size === 0) exit();
        return;
      }
      if (!announced) {
        reject(new CliError("a worker could not start"));
        failed = true;
        stop("a worker could not start");
        return;
      }
      logger.error({ worker: worker.process.pid, ...how }, "a worker has ended; another takes its place");
      // Workers that end before the next attempt belong to the last one.
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
      if (running.size === 0) exit();
      for (const worker of running) {
        // A worker that is starting may miss a message. The others may have got the signal too, and a second one would stop them
        // at once.
        if (!serving.has(worker)) worker.process.kill("SIGTERM");
        else if (worker.isConnected()) worker.send(drainRequest);
      }
      setTimeout(() => {
        logger.error("workers have not stopped in time; they are ended by force");
        kill();
      }, stopTimeoutMs);
    };
    const exit = () => {
      logger.info("stopped");
      process.exit(failed ? 1 : 0);
    };
    const kill = () => {
      for (const worker of running) worker.process.kill("SIGKILL");
      process.exit(1);
    };
    onStopSignal(stop, (signal) => {
      logger.warn({ signal }, "stopped at once");
      kill();
    });
    start();
  });
}
