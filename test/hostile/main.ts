/**
 * What hostile peers do to a server and to a caller who means well: `npm run test:hostile`. Fails if the server ends or
 * fails a call, if it takes more memory than it should, or if the caller's 99th percentile more than doubles.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { LoadProcess } from "../../bench/load/load-process.ts";
import { median } from "../../bench/median.ts";
import { memoryOf, type ServerProcess, startRollcall } from "../../bench/processes.ts";
import { createRollcallClient } from "../../src/client/client.ts";
import { startRedis } from "../support/redis.ts";
import { ada } from "../support/server.ts";
import { harmless, peers } from "./peers.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    only: { type: "string" },
  },
});
const runs = Number(values.runs);
const seconds = Number(values.seconds);
if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs: expected how often to measure");
if (!(seconds > 0)) throw new Error("--seconds: expected how long to measure");
const names = Object.keys(peers).filter((name) => name !== harmless && (values.only ?? name) === name);
if (names.length === 0) throw new Error(`--only: expected one of ${Object.keys(peers).join(", ")}`);

/** What the good caller asks for. */
const good = { kind: "unary", method: "Identify", connections: 2, inFlight: 1, perSecond: 500, users: 10_000 } as const;
/** How long a peer has to get going. */
const warmUpSeconds = 2;
const maxResidentMiB = 384;
const maxRatio = 2;
const sampleIntervalMs = 50;

interface Window {
  /** In milliseconds. */
  readonly p99: number;
  readonly failures: number;
  readonly residentMiB: number;
}

let failed = 0;
const redis = await startRedis();
const load = new LoadProcess();
try {
  console.log("| peer | p99 ms without | with | ratio | resident MiB at most | failed calls | |");
  console.log("|---|--:|--:|--:|--:|--:|---|");
  for (const name of names) console.log(await measure(name));
} finally {
  await load.stop();
  await redis.stop();
}
console.log(`\n${names.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Each run has a peer that only keeps a core as busy, and then the one in question. */
async function measure(name: string): Promise<string> {
  const server = await startRollcall(redis.url, ["--max-held-mib", "16"]);
  try {
    const large = { id: "large", properties: { ...ada, text: "x".repeat(60_000) } };
    await createRollcallClient(`http://127.0.0.1:${server.port}`).identify(large);
    await beside(harmless, server, 0);
    const alone: Window[] = [];
    const attacked: Window[] = [];
    for (let run = 1; run <= runs; run++) {
      alone.push(await beside(harmless, server, run));
      attacked.push(await beside(name, server, run));
    }
    return row(name, alone, attacked);
  } finally {
    await server.stop();
  }
}

function row(name: string, alone: readonly Window[], attacked: readonly Window[]): string {
  const p99 = (windows: readonly Window[]) => median(windows.map((window) => window.p99));
  const ratio = p99(attacked) / p99(alone);
  const resident = Math.max(...attacked.map(({ residentMiB }) => residentMiB));
  const failures = attacked.reduce((sum, window) => sum + window.failures, 0);
  const passed = ratio <= maxRatio && resident <= maxResidentMiB && failures === 0;
  if (!passed) failed++;
  const cells = [
    name,
    p99(alone).toFixed(2),
    p99(attacked).toFixed(2),
    ratio.toFixed(2),
    resident.toFixed(0),
    failures,
  ];
  return `| ${cells.join(" | ")} | ${passed ? "passed" : "failed"} |`;
}

async function beside(name: string, server: ServerProcess, seed: number): Promise<Window> {
  const peer = fork(new URL("./peer.ts", import.meta.url), [name, String(server.port)], { execArgv: [] });
  let residentMiB = 0;
  const sampling = setInterval(() => {
    residentMiB = Math.max(residentMiB, memoryOf(server.pid).residentMiB);
  }, sampleIntervalMs);
  try {
    const { p99, failures } = await load.run({ ...good, port: server.port, warmUpSeconds, seconds, seed }, () => {});
    if (peer.exitCode !== null) throw new Error(`the peer ${name} has ended by itself`);
    return { p99, failures, residentMiB };
  } finally {
    clearInterval(sampling);
    await end(peer);
  }
}

async function end(peer: ChildProcess): Promise<void> {
  if (peer.exitCode !== null || peer.signalCode !== null) return;
  peer.kill("SIGKILL");
  await once(peer, "exit");
}
