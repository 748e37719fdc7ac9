/** What a process that leads workers and a worker tell each other. */
import type { PulledMetrics } from "../telemetry/prometheus.ts";

/** To a worker that serves: finish what is under way, then end. */
export const drainRequest = "drain";

/** From a worker, once it serves. */
export interface WorkerReport {
  /** Where, as `--listen` takes it; the port is the real one. */
  readonly address: string;
}

/** To a worker: send your metrics. */
export interface MetricsRequest {
  /** Which one, for the answer. */
  readonly metricsRequest: number;
}

export interface MetricsAnswer {
  readonly request: number;
  readonly metrics: PulledMetrics;
}

export function readMetricsRequest(message: unknown): number | undefined {
  return typeof message === "object" && message !== null && "metricsRequest" in message
    ? Number(message.metricsRequest)
    : undefined;
}

/** @throws TypeError if it is neither */
export function readFromWorker(message: unknown): WorkerReport | MetricsAnswer {
  if (typeof message === "object" && message !== null) {
    if ("address" in message && typeof message.address === "string") return { address: message.address };
    if ("request" in message && "metrics" in message && Array.isArray(message.metrics)) {
      return { request: Number(message.request), metrics: message.metrics };
    }
  }
  throw new TypeError("a worker sent something else than where it listens, or its metrics");
}
