/**
 * What hostile peers do to a server and to a caller who means well: `npm run test:hostile`. Fails if the server ends or
 * does not answer, if it takes more memory than it should, or if the caller's 99th percentile more than doubles.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { median } from "../../bench/median.ts";
import { memoryOf, type ServerProcess, startRollcall } from "../../bench/processes.ts";
import { createUserClient, type UserClient } from "../../src/client/client.ts";
import { startRedis } from "../support/redis.ts";
import { ada } from "../support/server.ts";
import { peers } from "./peers.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    only: { type: "string" },
  },
});
const runs = Number(values.runs);
const seconds = Number(values.seconds);
if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs: expected how often to measure");
if (!(seconds > 0)) throw new Error("--seconds: expected how long to measure");
const names = Object.keys(peers).filter((name) => values.only === undefined || name === values.only);
if (names.length === 0) throw new Error(`--only: expected one of ${Object.keys(peers).join(", ")}`);

const callsPerSecond = 500;
/** How long a peer has to get going. */
const warmUpMs = 1_000;
const maxResidentMiB = 512;
const maxRatio = 2;

interface Window {
  readonly p99: number;
  readonly failures: number;
  readonly residentMiB: number;
}

let missed = 0;
const redis = await startRedis();
try {
  console.log("| peer | p99 ms without | with | ratio | resident MiB at most | failed calls | |");
  console.log("|---|--:|--:|--:|--:|--:|---|");
  for (const name of names) console.log(await measure(name));
} finally {
  await redis.stop();
}
console.log(
  missed === 0 ? `\n${names.length} passed, 0 failed` : `\n${names.length - missed} passed, ${missed} failed`,
);
process.exitCode = missed === 0 ? 0 : 1;

async function measure(name: string): Promise<string> {
  const server = await startRollcall(redis.url);
  const client = createUserClient(`http://127.0.0.1:${server.port}`);
  const text = "x".repeat(60_000);
  await client.identify({ id: "large", properties: { ...ada, a: text, b: text, c: text, d: text } });
  await load(client, server, warmUpMs);
  const alone: Window[] = [];
  const beside: Window[] = [];
  for (let run = 0; run < runs; run++) {
    alone.push(await load(client, server, seconds * 1_000));
    const peer = fork(new URL("./peer.ts", import.meta.url), [name, String(server.port)], { execArgv: [] });
    await pause(warmUpMs);
    beside.push(await load(client, server, seconds * 1_000));
    peer.kill("SIGKILL");
    await once(peer, "exit");
    // What the peer has left behind goes.
    await load(client, server, warmUpMs);
  }
  await server.stop();
  const without = median(alone.map(({ p99 }) => p99));
  const with_ = median(beside.map(({ p99 }) => p99));
  const ratio = median(beside.map(({ p99 }, run) => p99 / (alone[run]?.p99 ?? Number.NaN)));
  const resident = Math.max(...beside.map(({ residentMiB }) => residentMiB));
  const failures = beside.reduce((sum, window) => sum + window.failures, 0);
  const passed = ratio <= maxRatio && resident <= maxResidentMiB && failures === 0;
  if (!passed) missed++;
  const cells = [name, without.toFixed(2), with_.toFixed(2), ratio.toFixed(2), resident.toFixed(0), failures];
  return `| ${cells.join(" | ")} | ${passed ? "passed" : "failed"} |`;
}

/** Calls at an even rate, whether or not those before have been answered; each is measured from when it was due. */
async function load(client: UserClient, { pid }: ServerProcess, lengthMs: number): Promise<Window> {
  const latencies: number[] = [];
  let failures = 0;
  let residentMiB = 0;
  const calls: Promise<void>[] = [];
  const start = performance.now();
  for (let at = 0; at * (1_000 / callsPerSecond) < lengthMs; at++) {
    const due = start + at * (1_000 / callsPerSecond);
    if (due > performance.now()) await pause(due - performance.now());
    if (at % 50 === 0) residentMiB = Math.max(residentMiB, memoryOf(pid).residentMiB);
    const call = client.identify({ id: `good ${at % 100}`, properties: { ...ada, at } }, { timeoutMs: 10_000 });
    calls.push(
      call.then(
        () => void latencies.push(performance.now() - due),
        () => void failures++,
      ),
    );
  }
  await Promise.all(calls);
  const sorted = latencies.toSorted((a, b) => a - b);
  return { p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.POSITIVE_INFINITY, failures, residentMiB };
}
