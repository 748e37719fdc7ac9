/** A server as it runs in the container of deploy/kubernetes, with what the system says of its process (Linux). */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { nodeFlags } from "../../bench/conditions.ts";
import { memoryOf } from "../../bench/processes.ts";
import type { Http2Layer } from "../support/http2-layers.ts";
import { serve } from "../support/processes.ts";
import { until } from "../support/until.ts";

/** `limits.memory` in deploy/kubernetes/deployment.yaml. */
const containerMiB = 768;
/** The most that a server is resident with, whatever its callers do: docs/operating.md says of what. */
export const maxResidentMiB = 672;

export interface ContainedServer {
  readonly port: number;
  readonly pid: number;
  /** Lines that it has logged at the level error, or that are no JSON at all: the last words of a process that fails. */
  readonly errors: readonly string[];
  /** Whether the process has ended. */
  readonly ended: boolean;
  /** As Prometheus reads them. */
  metrics(): Promise<string>;
  /** @returns the exit status; null where a signal ended it */
  stop(): Promise<number | null>;
}

/**
 * @param http2 what serves HTTP/2; the server's default if undefined
 * @param flags more of Node's
 */
export async function startContained(
  store: string,
  http2: Http2Layer | undefined,
  flags: readonly string[] = [],
): Promise<ContainedServer> {
  // Of a container's memory, Node gives half to the heap's old generation. Here it sees the whole machine's.
  const heap = [...nodeFlags, `--max-old-space-size=${containerMiB / 2}`, ...flags];
  const errors: string[] = [];
  let log = "";
  const onLog = (piece: string) => {
    const lines = (log + piece).split("\n");
    log = lines.pop() ?? "";
    for (const line of lines) {
      metricsPort ??= /"port":(\d+)}.*"metrics are served"/.exec(line)?.[1];
      if (line.startsWith("{") ? line.includes('"level":"error"') || line.includes('"level":"fatal"') : line !== "")
        errors.push(line);
    }
  };
  let metricsPort: string | undefined;
  const layer = http2 === undefined ? [] : ["--http2", http2];
  const args = ["--metrics-listen", "127.0.0.1:0", "--log-level", "info", "--access-log", "0", ...layer];
  const server = await serve(store, args, onLog, { NODE_OPTIONS: heap.join(" ") });
  const { pid } = server.child;
  if (pid === undefined) throw new Error("the server does not run");
  await until(() => metricsPort !== undefined);
  return {
    port: Number(new URL(server.url).port),
    pid,
    errors,
    get ended() {
      return server.child.exitCode !== null || server.child.signalCode !== null;
    },
    metrics: async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(),
    stop: () => server.stop(),
  };
}

/** From now on, `peakMiB` tells of what comes. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** The most that a process has been resident with since `forgetPeak`. */
export function peakMiB(pid: number): number {
  return memoryOf(pid).peakMiB;
}

/** CPU time of all threads of a process that still run, in nanoseconds: finer than the ticks of /proc/PID/stat. */
export function cpuNanoseconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce(
    (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]),
    0,
  );
}
