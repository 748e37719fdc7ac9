import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { BatchJob, BatchResult, Job, Report, UnaryJob, UnaryResult } from "./jobs.ts";

/** The process that makes the load, separate from the servers and from the process that measures them. */
export class LoadProcess {
  readonly #child: ChildProcess = fork(new URL("./main.ts", import.meta.url));

  /** @param onBegin called when measuring begins */
  run(job: UnaryJob, onBegin?: () => void): Promise<UnaryResult>;
  run(job: BatchJob, onBegin?: () => void): Promise<BatchResult>;
  run(job: Job, onBegin = () => {}): Promise<UnaryResult | BatchResult> {
    return new Promise((resolve, reject) => {
      const onExit = () => reject(new Error("the load failed"));
      const onMessage = (report: Report) => {
        if ("begins" in report) onBegin();
        else {
          this.#child.off("message", onMessage).off("exit", onExit);
          resolve(report.result);
        }
      };
      this.#child.on("message", onMessage).on("exit", onExit);
      this.#child.send(job);
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill();
    await once(this.#child, "exit");
  }
}
