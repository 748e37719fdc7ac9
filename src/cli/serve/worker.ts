import type { Worker } from "node:cluster";
import { describeFailure } from "../../telemetry/failure-log.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { PulledMetrics } from "../../telemetry/prometheus.ts";
import { stopSignals } from "../stop-signals.ts";
import { drainRequest, readQuestion, type WorkerAnswer, type WorkerQuestion } from "./messages.ts";

interface Led {
  readonly stop: (reason: string) => void;
  readonly metrics: () => Promise<PulledMetrics>;
  readonly ready: () => boolean;
}

/** Lets the process that leads the workers stop this one, and ask it questions. The worker also stops when its leader ends. */
export function followLeader(worker: Worker, { stop, metrics, ready }: Led, logger: Logger): void {
  process.on("SIGTERM", stop);
  // A terminal sends the other signals to every process. The leader decides what they mean.
  for (const signal of stopSignals) if (signal !== "SIGTERM") process.on(signal, () => {});
  // Otherwise node:cluster ends a worker at once when its leader has ended, even with calls in progress.
  worker.exitedAfterDisconnect = true;
  process.on("disconnect", () => stop("the process that leads the workers has ended"));
  // Sending fails only when the leader has ended.
  worker.on("error", (error) => logger.debug({ reason: error.message }, "the leader cannot be reached"));
  const answer = async ({ question, about }: WorkerQuestion) => {
    const message: WorkerAnswer =
      about === "metrics" ? { question, metrics: await metrics() } : { question, ready: ready() };
    if (worker.isConnected()) worker.send(message);
  };
  process.on("message", (message) => {
    if (message === drainRequest) stop(drainRequest);
    const question = readQuestion(message);
    if (question !== undefined) answer(question).catch((error: unknown) => logger.error(describeFailure(error)));
  });
}
