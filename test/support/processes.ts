/** `rollcall` as its users run it: as processes of their own. What servers log is searched for personal data. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { listenTo } from "./personal-data.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
/** So that the many processes of a test run start in two thirds of the time. */
const compileCache = new URL("../../node_modules/.cache/node", import.meta.url).pathname;

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. All but `serve` run one after another in one process: what a process does has tests of its own. */
export async function rollcall(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  return args[0] === "serve" ? rollcallAlone(args, env) : inHost(args, env);
}

/**
 * Runs a command to its end in a process of its own.
 *
 * @param program the `main.ts` to run
 */
export async function rollcallAlone(
  args: readonly string[],
  env: Record<string, string> = {},
  program = main,
): Promise<Finished> {
  const child = startRollcall(args, env, "ignore", program);
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  const [status] = await once(child, "close");
  return { status, stdout, stderr };
}

let host: ChildProcess | undefined;
let lastInHost: Promise<unknown> = Promise.resolve();

function inHost(args: readonly string[], env: Record<string, string>): Promise<Finished> {
  const finished = lastInHost.then(async () => {
    host ??= startHost();
    host.ref();
    host.channel?.ref();
    host.send({ args, env: { ...inheritedEnvironment(), ...env } });
    const ended = new AbortController();
    const [answer] = await Promise.race([
      once(host, "message", { signal: ended.signal }),
      once(host, "exit", { signal: ended.signal }).then(([status]) => {
        throw new Error(`rollcall ${args.join(" ")} ended its host: ${status}`);
      }),
    ]);
    ended.abort();
    host.unref();
    host.channel?.unref();
    return answer;
  });
  lastInHost = finished.catch(() => {
    host?.kill();
    host = undefined;
  });
  return finished;
}

function startHost(): ChildProcess {
  const program = new URL("command-host.ts", import.meta.url).pathname;
  return fork(program, { env: { ...inheritedEnvironment(), NODE_COMPILE_CACHE: compileCache }, stdio: "inherit" });
}

function inheritedEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(ROLLCALL_(?!HTTP2$)|npm_)/.test(name)));
}

export interface ServeProcess {
  /** The first line that it printed. */
  readonly banner: string;
  readonly url: string;
  readonly child: ChildProcess;
  /** Sends the signal and waits for the exit status; null where the signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/**
 * `rollcall serve` on a free port, once it listens.
 *
 * @param onLog takes what it logs, in pieces; without it, errors are shown
 * @param program the `main.ts` to run
 */
export async function serve(
  store: string,
  args: readonly string[] = [],
  onLog: (piece: string) => void = (piece) => process.stderr.write(piece),
  env: Readonly<Record<string, string>> = {},
  program = main,
): Promise<ServeProcess> {
  const child = startRollcall(
    ["serve", "--listen", "127.0.0.1:0", "--store", store, "--log-level", "error", ...args],
    env,
    "ignore",
    program,
  );
  child.stderr?.setEncoding("utf8").on("data", onLog);
  if (child.stdout === null) throw new Error("the process has no output");
  const banner = await firstLine(child.stdout);
  const url = /https?:\/\/[\d.:[\]]+\d/.exec(banner)?.[0];
  if (url === undefined) throw new Error(`no address in: ${banner}`);
  return {
    banner,
    url,
    child,
    async stop(signal = "SIGTERM") {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill(signal);
      const [status] = await once(child, "close");
      return status;
    },
  };
}

/** @throws Error if the process ends without one */
function firstLine(output: Readable): Promise<string> {
  const lines = createInterface({ input: output });
  return new Promise((resolve, reject) => {
    lines.once("line", resolve);
    lines.once("close", () => reject(new Error("the process ended before it printed a line")));
  });
}

/**
 * Starts a command; its output is for the caller to read.
 *
 * @param program the `main.ts` to run
 */
export function startRollcall(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  stdin: "ignore" | "pipe" = "ignore",
  program = main,
): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...inheritedEnvironment(), NODE_COMPILE_CACHE: compileCache, ...env },
    stdio: [stdin, "pipe", "pipe"],
  });
  if (args[0] === "serve") child.stderr?.on("data", listenTo("a server process"));
  return child;
}
