/** What a process that leads workers and a worker tell each other. */

/** To a worker that serves: finish what is under way, then end. */
export const drainRequest = "drain";

/** From a worker, once it serves. */
export interface WorkerReport {
  /** Where, as `--listen` takes it; the port is the real one. */
  readonly address: string;
}

/** @throws TypeError if it is something else */
export function readReport(message: unknown): WorkerReport {
  if (typeof message === "object" && message !== null && "address" in message && typeof message.address === "string") {
    return { address: message.address };
  }
  throw new TypeError("a worker reported something else than where it listens");
}
