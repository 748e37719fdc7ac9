import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { findRedisServer } from "./programs.ts";

const startTimeoutMs = 10_000;
const stopTimeoutMs = 5_000;
const pollIntervalMs = 5;
const portAttempts = 20;

/**
 * Below the range from which the system draws ports for outgoing connections: none of those can take the port while a
 * server restarts, and no client that retries can connect to itself. A cluster bus (port + 10,000) stays below it too.
 */
const firstPort = 10_000;
const endOfPorts = 22_000;

export interface RedisOptions {
  /** Further arguments, after ours, so that they win: `["--appendonly", "yes"]`. */
  readonly args?: readonly string[];
  /** Lines of a configuration file, for what cannot be given as an argument. It makes the server a Sentinel. */
  readonly sentinel?: readonly string[];
  /** The port to listen on; without it, one that is free. */
  readonly port?: number;
}

/** A real redis-server on 127.0.0.1. */
export interface RedisProcess {
  readonly port: number;
  /** `redis://127.0.0.1:port` */
  readonly url: string;
  /** The process id; a restart changes it. */
  readonly pid: number;
  /** The data directory, gone after `stop`. */
  readonly dir: string;
  /** Ends the server, by force if need be, and removes its data. Does nothing the second time. */
  stop(): Promise<void>;
  /** Sends a signal, such as SIGKILL, SIGSTOP or SIGCONT, and does not wait for what comes of it. */
  kill(signal: NodeJS.Signals): void;
  /**
   * Ends the server if it still runs, and starts one on the same port, data directory and arguments. What was not
   * written to disk is lost, and by default nothing is.
   */
  restart(): Promise<void>;
}

/**
 * Starts a redis-server that keeps nothing on disk unless `args` say otherwise, and waits until it answers. It ends
 * with this process, however that ends. Rejects with the server's output if the server does not start.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisProcess> {
  const program = findRedisServer(process.env);
  if (program === undefined) throw new Error("redis-server is not there: node scripts/ensure-programs.ts installs it");

  const dir = mkdtempSync(join(tmpdir(), "rollcall-redis-"));
  endWithThisProcess(dir);
  const args = options.args ?? [];
  const portsToTry = options.port === undefined ? freshPorts() : [options.port];
  let server: Server;
  try {
    server = await startOnOneOf(portsToTry, { program, dir, args, sentinel: options.sentinel });
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  const { port } = server;

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    dir,
    get pid() {
      return server.pid;
    },
    async stop() {
      await end(server);
      rmSync(dir, { recursive: true, force: true });
    },
    kill(signal) {
      server.child.kill(signal);
    },
    async restart() {
      await end(server);
      server = await startServer({ program, dir, args, port, sentinel: options.sentinel });
    },
  };
}

interface Server {
  readonly child: ChildProcess;
  /** Holds its process id while it runs. */
  readonly pidFile: string;
  readonly pid: number;
  readonly port: number;
}

interface ServerPlan {
  readonly program: string;
  readonly dir: string;
  readonly args: readonly string[];
  readonly sentinel: readonly string[] | undefined;
  readonly port: number;
}

class PortTaken extends Error {}

function freshPorts(): number[] {
  return Array.from({ length: portAttempts }, () => randomInt(firstPort, endOfPorts));
}

async function startOnOneOf(ports: readonly number[], plan: Omit<ServerPlan, "port">): Promise<Server> {
  let refusal: unknown;
  for (const port of ports) {
    try {
      return await startServer({ ...plan, port });
    } catch (error) {
      if (!(error instanceof PortTaken)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

async function startServer({ program, dir, args, port, sentinel }: ServerPlan): Promise<Server> {
  const logPath = join(dir, "server.log");
  const log = openSync(logPath, "w");
  const ours = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir];
  const file = join(dir, "sentinel.conf");
  // A Sentinel keeps what it knows in its file: a restart goes on from there.
  if (sentinel !== undefined && !existsSync(file)) writeFileSync(file, sentinel.map((line) => `${line}\n`).join(""));
  const kind = sentinel === undefined ? ["--save", "", "--appendonly", "no"] : ["--sentinel"];
  const words = sentinel === undefined ? [...ours, ...kind, ...args] : [file, ...ours, ...kind, ...args];
  const child = spawn(program, words, { stdio: ["ignore", log, log] });
  closeSync(log);

  const { pid } = child;
  if (pid === undefined) {
    const [error] = await once(child, "error");
    throw new Error(`redis-server does not start: ${program}`, { cause: error });
  }
  child.unref();
  const server = { child, pidFile: join(dir, pidFileName), pid, port };
  writeFileSync(server.pidFile, String(pid));

  const deadline = Date.now() + startTimeoutMs;
  while (!(await answers(server, passwordIn(args), nameOfInfo(args)))) {
    if (hasEnded(child) || Date.now() > deadline) {
      await end(server);
      const output = readFileSync(logPath, "utf8");
      const message = `redis-server does not answer on port ${port}; its output:\n${output}`;
      throw output.includes("Address already in use") ? new PortTaken(message) : new Error(message);
    }
    await pause(pollIntervalMs);
  }
  return server;
}

const pidFileName = "pid";
let guard: ChildProcess | undefined;

/** Tells a shell that outlives this process, however that ends, just long enough to end its servers and remove their data. */
function endWithThisProcess(dir: string): void {
  guard ??= startGuard();
  guard.stdin?.write(`${dir}\n`);
}

function startGuard(): ChildProcess {
  const script = `
    while read -r dir; do set -- "$@" "$dir"; done
    for dir; do
      if [ -f "$dir/${pidFileName}" ]; then kill -9 "$(cat "$dir/${pidFileName}")"; fi
      rm -rf "$dir"
    done`;
  const shell = spawn("/bin/sh", ["-c", script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  shell.unref();
  return shell;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function end({ child, pidFile }: Server): Promise<void> {
  if (!hasEnded(child)) {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    // A stopped process acts on SIGTERM only once it goes on.
    child.kill("SIGCONT");
    const force = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await ended;
    clearTimeout(force);
  }
  rmSync(pidFile, { force: true });
}

function passwordIn(args: readonly string[]): string | undefined {
  const option = args.indexOf("--requirepass");
  return option === -1 ? undefined : args[option + 1];
}

/** `--rename-command INFO NAME` gives it another. */
function nameOfInfo(args: readonly string[]): string {
  const option = args.findIndex((arg, index) => arg === "--rename-command" && args[index + 1] === "INFO");
  return (option === -1 ? undefined : args[option + 2]) ?? "INFO";
}

/** Whether that very process answers PING: another server may have the port. */
async function answers(
  { pid, port }: Pick<Server, "pid" | "port">,
  password: string | undefined,
  info: string,
): Promise<boolean> {
  const authentication = password === undefined ? [] : [["AUTH", password]];
  const commands = [...authentication, ["PING"], [info, "server"], ["QUIT"]];
  const reply = await exchange(port, commands.map(encodeCommand).join(""));
  return reply.includes("+PONG") && reply.includes(`\nprocess_id:${pid}\r`);
}

function encodeCommand(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}

/** Sends a text and resolves with all that comes back until the connection ends or fails, or a second has passed. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let reply = "";
    const socket = connect({ port, host: "127.0.0.1" });
    socket.setEncoding("utf8");
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on("data", (chunk: string) => {
      reply += chunk;
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(reply));
    socket.write(text);
  });
}
