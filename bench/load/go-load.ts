import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { GoPeer } from "../peers/go-peer.ts";
import type { UnaryJob, UnaryResult } from "./jobs.ts";

/** A load by a client of grpc-go: a process for each job. */
export class GoLoad {
  readonly #program: string;

  constructor({ load }: GoPeer) {
    this.#program = load;
  }

  /** @param onBegin called when measuring begins */
  async run(job: UnaryJob, onBegin: () => void): Promise<Omit<UnaryResult, "due">> {
    if (job.perSecond !== undefined || job.ca !== undefined || job.throughConnect !== undefined) {
      throw new Error("the load in Go calls as fast as it is answered, in clear text");
    }
    const flags: Readonly<Record<string, string | number>> = {
      port: job.port,
      method: job.method,
      connections: job.connections,
      "in-flight": job.inFlight,
      "warm-up": `${job.warmUpSeconds}s`,
      measured: `${job.seconds}s`,
      users: job.users,
      seed: job.seed,
    };
    const words = Object.entries(flags).flatMap(([name, value]) => [`-${name}`, String(value)]);
    const child = spawn(this.#program, words, { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    let last = "";
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === "begins") onBegin();
      else last = line;
    }
    const [status] = await ended;
    if (status !== 0) throw new Error(`the load in Go ended with status ${status}`);
    return JSON.parse(last);
  }
}
