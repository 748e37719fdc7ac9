import { batchShape } from "../conditions.ts";
import type { BatchJob } from "./jobs.ts";
import type { LoadProcess } from "./load-process.ts";

const usersPerStream = 250_000;

type Import = Pick<BatchJob, "port" | "from" | "to" | "value"> & Partial<BatchJob>;

/** Sends users in several streams, one after the other, because each stream has a deadline. @throws Error if one is refused */
export async function importUsers(load: LoadProcess, job: Import): Promise<void> {
  for (let from = job.from; from < job.to; from += usersPerStream) {
    const to = Math.min(from + usersPerStream, job.to);
    const { failed } = await load.run({ ...batchShape, ...job, kind: "batch", from, to });
    if (failed > 0) throw new Error(`${failed} users were refused`);
  }
}
