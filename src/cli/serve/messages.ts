/** What a process that leads workers and a worker tell each other. */
import type { PulledMetrics } from "../../telemetry/prometheus.ts";

/** To a worker that serves: finish what is under way, then end. */
export const drainRequest = "drain";

/** From a worker, once it serves. */
export interface WorkerReport {
  /** Where, as `--listen` takes it; the port is the real one. */
  readonly address: string;
}

/** What a worker can be asked for: its metrics, or whether it is ready. */
export type Topic = "metrics" | "readiness";

/** To a worker: tell what you are asked for. */
export interface WorkerQuestion {
  /** Which one, for the answer. */
  readonly question: number;
  readonly about: Topic;
}

export interface WorkerAnswer {
  readonly question: number;
  /** What was asked for. */
  readonly metrics?: PulledMetrics;
  readonly ready?: boolean;
}

export function readQuestion(message: unknown): WorkerQuestion | undefined {
  if (typeof message !== "object" || message === null || !("question" in message && "about" in message))
    return undefined;
  return { question: Number(message.question), about: message.about === "metrics" ? "metrics" : "readiness" };
}

/** @throws TypeError if it is neither */
export function readFromWorker(message: unknown): WorkerReport | WorkerAnswer {
  if (typeof message === "object" && message !== null) {
    if ("address" in message && typeof message.address === "string") return { address: message.address };
    if ("question" in message) {
      const question = Number(message.question);
      if ("metrics" in message && Array.isArray(message.metrics)) return { question, metrics: message.metrics };
      if ("ready" in message) return { question, ready: message.ready === true };
    }
  }
  throw new TypeError("a worker sent something else than where it listens, or what it was asked for");
}
