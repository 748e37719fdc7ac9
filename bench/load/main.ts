/** The load process: does one job at a time for its parent. */
import { runBatch } from "./batch.ts";
import type { Job, Report } from "./jobs.ts";
import { runUnary } from "./unary.ts";

const report = (message: Report) => process.send?.(message);

process.on("message", (job: Job) => {
  const onBegin = () => report({ begins: true });
  const running = job.kind === "unary" ? runUnary(job, onBegin) : runBatch(job, onBegin);
  running.then(
    (result) => report({ result }),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
