/** Messages between workers and the process that leads them. */
import type { PulledMetrics } from "../../telemetry/prometheus.ts";

/** To a worker: finish calls in progress, then end. */
export const drainRequest = "drain";

/** From a worker, once it serves. */
export interface WorkerReport {
  /** As in `--listen`, with the real port. */
  readonly address: string;
}

export type Topic = "metrics" | "readiness";

/** To a worker. */
export interface WorkerQuestion {
  /** Its number, which the answer repeats. */
  readonly question: number;
  readonly about: Topic;
}

export interface WorkerAnswer {
  readonly question: number;
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
  throw new TypeError("a worker sent neither its address nor an answer");
}
