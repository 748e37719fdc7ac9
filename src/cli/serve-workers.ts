/** The process that leads several workers, which share a port: node:cluster gives each connection to one of them. */
import cluster, { type Worker } from "node:cluster";
import type { Logger } from "../telemetry/logger.ts";
import { CliError } from "./cli-error.ts";
import { drainRequest } from "./serve-process.ts";

/** Before a worker that ended takes its place again. */
const restartPauseMs = 1_000;

/**
 * Starts workers, and others in place of those that end, until it is told to stop; then ends the process once all of them
 * have stopped.
 *
 * @param announce called once all of them listen
 * @throws CliError if one of them cannot start, for a reason that it has printed
 */
export function leadWorkers(count: number, logger: Logger, announce: (url: string) => void): Promise<void> {
  return new Promise((_, reject) => {
    const listening = new Set<Worker>();
    let announced = false;
    let stopping: NodeJS.Signals | undefined;
    let failed = false;
    const workers = () => Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);

    const start = () => {
      if (stopping === undefined) cluster.fork();
    };
    cluster.on("message", (worker, report: unknown) => {
      listening.add(worker);
      if (announced || listening.size < count) return;
      announced = true;
      announce(urlIn(report));
    });
    cluster.on("exit", (worker, status, signal) => {
      listening.delete(worker);
      if (stopping !== undefined) {
        failed ||= status !== 0;
        if (workers().length === 0) process.exit(failed ? 1 : 0);
      } else if (announced) {
        logger.error({ worker: worker.process.pid, status, signal }, "a worker has ended; another takes its place");
        setTimeout(start, restartPauseMs);
      } else {
        stopping = "SIGTERM";
        failed = true;
        for (const other of workers()) other.process.kill("SIGKILL");
        reject(new CliError("a worker could not start"));
      }
    });
    const stop = (signal: NodeJS.Signals) => {
      if (stopping !== undefined) {
        logger.warn({ signal }, "stopped at once");
        for (const worker of workers()) worker.process.kill("SIGKILL");
        process.exit(1);
      }
      stopping = signal;
      for (const worker of workers()) worker.send(drainRequest);
      if (workers().length === 0) process.exit(0);
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
    for (let started = 0; started < count; started++) start();
  });
}

function urlIn(report: unknown): string {
  if (typeof report === "object" && report !== null && "url" in report && typeof report.url === "string") {
    return report.url;
  }
  throw new TypeError("a worker reported something else than where it listens");
}
