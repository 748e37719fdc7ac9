import type { Worker } from "node:cluster";
import type { PulledMetrics } from "../../telemetry/prometheus.ts";
import type { Topic, WorkerAnswer, WorkerQuestion } from "./messages.ts";

/** A worker that takes longer for its metrics is left out. */
const metricsTimeoutMs = 2_000;
/** A worker that takes longer to say whether it is ready hangs. Probes wait for two seconds. */
const aliveTimeoutMs = 1_500;

/** The leader's questions to workers. */
export class WorkerQuestions {
  readonly #waiting = new Map<number, (answer: WorkerAnswer) => void>();
  #questions = 0;

  /** The metrics of each worker, by its id in node:cluster. */
  async metrics(workers: Iterable<Worker>): Promise<ReadonlyMap<string, PulledMetrics>> {
    const answers = await Promise.all(
      [...workers].map(async (worker) => {
        const answer = await this.#ask(worker, "metrics", metricsTimeoutMs);
        return [String(worker.id), answer?.metrics ?? []] as const;
      }),
    );
    return new Map(answers);
  }

  /** Whether every worker answers. One that ends meanwhile is replaced, and does not count. */
  alive(workers: ReadonlySet<Worker>): Promise<boolean> {
    return this.#every(workers, (answer) => answer !== undefined);
  }

  /** Whether there are workers, and all are ready. */
  async ready(workers: ReadonlySet<Worker>): Promise<boolean> {
    return (await this.#every(workers, (answer) => answer?.ready === true)) && workers.size > 0;
  }

  async #every(workers: ReadonlySet<Worker>, holds: (answer: WorkerAnswer | undefined) => boolean): Promise<boolean> {
    const all = [...workers].map(async (worker) => {
      const answer = await this.#ask(worker, "readiness", aliveTimeoutMs);
      return holds(answer) || !workers.has(worker);
    });
    return (await Promise.all(all)).every(Boolean);
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
