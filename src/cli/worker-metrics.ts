import type { Worker } from "node:cluster";
import type { PulledMetrics } from "../telemetry/prometheus.ts";
import type { MetricsAnswer, MetricsRequest } from "./serve-messages.ts";

/** A worker that has not answered after so long is left out. */
const answerTimeoutMs = 2_000;

/** Asks workers for their metrics. */
export class WorkerMetrics {
  readonly #waiting = new Map<number, (metrics: PulledMetrics) => void>();
  #requests = 0;

  /** What all of them have, by the id that node:cluster gives each. */
  async collect(workers: Iterable<Worker>): Promise<ReadonlyMap<string, PulledMetrics>> {
    const answers = await Promise.all(
      [...workers].map(async (worker) => [String(worker.id), await this.#ask(worker)] as const),
    );
    return new Map(answers);
  }

  onAnswer({ request, metrics }: MetricsAnswer): void {
    this.#waiting.get(request)?.(metrics);
  }

  #ask(worker: Worker): Promise<PulledMetrics> {
    const request = this.#requests++;
    return new Promise((resolve) => {
      const settle = (metrics: PulledMetrics) => {
        clearTimeout(timer);
        this.#waiting.delete(request);
        resolve(metrics);
      };
      const timer = setTimeout(() => settle([]), answerTimeoutMs);
      this.#waiting.set(request, settle);
      const message: MetricsRequest = { metricsRequest: request };
      if (worker.isConnected()) worker.send(message);
      else settle([]);
    });
  }
}
