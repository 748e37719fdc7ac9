/** The server processes that a bench loads, and their CPU time and memory (Linux). */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { nodeFlags } from "./conditions.ts";
import type { GoPeer } from "./peers/go-peer.ts";

export interface ServerProcess {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts Rollcall as an operator does.
 *
 * @param flags Node's flags beside those of `npm start`
 */
export async function startRollcall(
  store: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
  main: URL | string = new URL("../src/main.ts", import.meta.url),
): Promise<ServerProcess> {
  const words = ["serve", "--listen", "127.0.0.1:0", "--store", store, "--log-level", "error", ...args];
  const child = fork(main, words, {
    execArgv: [...nodeFlags, ...flags],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  if (child.stdout === null) throw new Error("the server has no output");
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), endOf(child)]);
  const [, port] = /https?:\/\/[\d.]+:(\d+)/.exec(String(line)) ?? [];
  if (port === undefined) throw new Error(`the server did not say where it is: ${line}`);
  return running(child, Number(port));
}

/** Starts a server of bench/peers, which announces its port. */
export async function startPeer(name: string, ...args: readonly string[]): Promise<ServerProcess> {
  const child = fork(new URL(`./peers/${name}.ts`, import.meta.url), args);
  const [{ port }] = await Promise.race([once(child, "message"), endOf(child)]);
  return running(child, port);
}

/** Starts the server of the peer in Go. It ends with this process, which holds its input. */
export async function startGoPeer({ server }: GoPeer, redis: string): Promise<ServerProcess> {
  const child = spawn(server, [redis], { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), endOf(child)]);
  return running(child, Number(port));
}

async function endOf(child: ChildProcess): Promise<never> {
  const [status] = await once(child, "exit");
  throw new Error(`a server ended with status ${status}`);
}

function running(child: ChildProcess, port: number): ServerProcess {
  const { pid } = child;
  if (pid === undefined) throw new Error("a server does not run");
  return {
    port,
    pid,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

/** CPU time that the threads of a process have used, in seconds: to the nanosecond, where proc(5)'s stat has ticks. */
export function cpuSecondsOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanos = threads.map((id) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]));
  return nanos.reduce((sum, each) => sum + each, 0) / 1e9;
}

/** Resident memory of a process in MiB, now and at its peak. */
export function memoryOf(pid: number): { residentMiB: number; peakMiB: number } {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const value = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1]) / 1_024;
  return { residentMiB: value("VmRSS"), peakMiB: value("VmHWM") };
}
