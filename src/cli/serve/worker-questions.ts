import type { Worker } from "node:cluster";
import type { PulledMetrics } from "../../telemetry/prometheus.ts";
import type { Topic, WorkerAnswer, WorkerQuestion } from "./messages.ts";

/** A worker that has not told its metrics after so long is left out. */
const metricsTimeoutMs = 2_000;
/** One that has not told even whether it is ready does nothing any more. Whoever probes waits for two seconds. */
const aliveTimeoutMs = 1_500;

/** Asks workers for their metrics, and whether they are ready. */
export class WorkerQuestions {
  readonly #waiting = new Map<number, (answer: WorkerAnswer) => void>();
  #questions = 0;

  /** What all of them have, by the id that node:cluster gives each. */
  async metrics(workers: Iterable<Worker>): Promise<ReadonlyMap<string, PulledMetrics>> {
    const answers = await Promise.all(
      [...workers].map(async (worker) => {
        const answer = await this.#ask(worker, "metrics", metricsTimeoutMs);
        return [String(worker.id), answer?.metrics ?? []] as const;
      }),
    );
    return new Map(answers);
  }

  /** Whether each of them answers. One that ends meanwhile counts for nothing: another takes its place. */
  async alive(workers: ReadonlySet<Worker>): Promise<boolean> {
    const alive = [...workers].map(async (worker) => {
      const answer = await this.#ask(worker, "readiness", aliveTimeoutMs);
      return answer !== undefined || !workers.has(worker);
    });
    return (await Promise.all(alive)).every(Boolean);
  }

  /** Whether there are any, and each is ready. */
  async ready(workers: ReadonlySet<Worker>): Promise<boolean> {
    const ready = [...workers].map(async (worker) => {
      const answer = await this.#ask(worker, "readiness", aliveTimeoutMs);
      return answer?.ready ?? !workers.has(worker);
    });
    return (await Promise.all(ready)).every(Boolean) && workers.size > 0;
  }

  onAnswer(answer: WorkerAnswer): void {
    this.#waiting.get(answer.question)?.(answer);
  }

  /** The answer, if it comes in time. */
  #ask(worker: Worker, about: Topic, timeoutMs: number): Promise<WorkerAnswer | undefined> {
    const question = this.#questions++;
    return new Promise((resolve) => {
      const settle = (answer: WorkerAnswer | undefined) => {
        clearTimeout(timer);
        this.#waiting.delete(question);
        resolve(answer);
      };
      const timer = setTimeout(() => settle(undefined), timeoutMs);
      this.#waiting.set(question, settle);
      const message: WorkerQuestion = { question, about };
      if (worker.isConnected()) worker.send(message);
      else settle(undefined);
    });
  }
}
