/**
 * What hostile peers do to a server and to a caller who means well: `npm run test:hostile`. The server runs as in the
 * container of deploy/kubernetes. Fails if it ends, fails a call, takes more memory than docs/operating.md says, or
 * makes the caller wait too long. Then come requests of 2,000 shapes, one after the other: shapes.ts. `--http2 own,node` tries both
 * layers; without it, the one that the server has by default.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { LoadProcess } from "../../bench/load/load-process.ts";
import { median } from "../../bench/median.ts";
import { createRollcallClient } from "../../src/client/client.ts";
import { type Http2Layer, readHttp2Layers } from "../support/http2-layers.ts";
import { startRedis } from "../support/redis.ts";
import { ada } from "../support/server.ts";
import { type ContainedServer, forgetPeak, maxResidentMiB, peakMiB, startContained } from "./contained-server.ts";
import { harmless, peers } from "./peers.ts";
import { measureShapes } from "./shapes.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    shapes: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    http2: { type: "string" },
  },
});
const runs = Number(values.runs);
const seconds = Number(values.seconds);
const shapes = Number(values.shapes);
const seed = Number(values.seed);
if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs: expected how often to measure");
if (!(seconds > 0)) throw new Error("--seconds: expected how long to measure");
if (!Number.isInteger(shapes) || shapes < 1) throw new Error("--shapes: expected how many shapes to send");
if (!Number.isInteger(seed)) throw new Error("--seed: expected an integer");
const layers = values.http2 === undefined ? [undefined] : readHttp2Layers(values.http2);
const names = Object.keys(peers).filter((name) => name !== harmless && (values.only ?? name) === name);
const sendsShapes = (values.only ?? "shapes") === "shapes";
if (names.length === 0 && !sendsShapes) {
  throw new Error(`--only: expected shapes or one of ${Object.keys(peers).join(", ")}`);
}

/** What the good caller asks for. */
const good = { kind: "unary", method: "Identify", connections: 2, inFlight: 1, perSecond: 500, users: 10_000 } as const;
/** How long a peer has to get going. */
const warmUpSeconds = Math.min(2, seconds);
/** Against what the caller waits beside the harmless peer, for its 99th percentile and its slowest call. */
const maxRatio = 2;
const maxWorstRatio = 3;
/** What is no long wait in any case: the collection of a large message's garbage, say. */
const shortWaitMs = 250;
/**
 * A window of a second has one slowest call: on two busy cores, it is the scheduler's as often as the server's. A server that
 * a request holds up is late by seconds.
 */
const briefShortWaitMs = 2_000;
const isBrief = runs * seconds < 5;
const allowedMs = isBrief ? briefShortWaitMs : shortWaitMs;

interface Window {
  /** In milliseconds. */
  readonly p99: number;
  readonly worst: number;
  readonly failures: number;
  readonly residentMiB: number;
}

let failed = 0;
let passed = 0;
const count = (isPassed: boolean): string => {
  if (isPassed) passed++;
  else failed++;
  return isPassed ? "passed" : "failed";
};
const redis = await startRedis();
let load = new LoadProcess();
try {
  if (names.length > 0) {
    console.log(
      "| peer | p99 ms without | with | ratio | worst ms without | with | resident MiB at most | failed calls | |",
    );
    console.log("|---|--:|--:|--:|--:|--:|--:|--:|---|");
  }
  for (const http2 of layers) for (const name of names) console.log(await measure(name, http2));
  for (const http2 of sendsShapes ? layers : []) {
    console.log(`\n${count(await measureShapes(redis.url, http2, { shapes, seed }))}`);
  }
} finally {
  await load.stop();
  await redis.stop();
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Each run has a peer that only keeps a core as busy, and then the one in question. */
async function measure(name: string, http2: Http2Layer | undefined): Promise<string> {
  const title = http2 === undefined ? name : `${name}, ${http2}`;
  const server = await startContained(redis.url, http2);
  try {
    const large = { id: "large", properties: { ...ada, text: "x".repeat(60_000) } };
    await createRollcallClient(`http://127.0.0.1:${server.port}`).identify(large);
    // What is compiled and connected at the first calls; a short run has no time for what a peer's first requests compile either.
    await beside(isBrief ? name : harmless, server, 0);
    const alone: Window[] = [];
    const attacked: Window[] = [];
    for (let run = 1; run <= runs; run++) {
      alone.push(await beside(harmless, server, run));
      attacked.push(await beside(name, server, run));
    }
    return row(title, alone, attacked);
  } catch (error) {
    // The load's process ends where its connection does.
    load = new LoadProcess();
    const told = server.ended ? "the server has ended" : String(error);
    return `| ${title} | ${told} | | | | | | | ${count(false)} |`;
  } finally {
    for (const line of server.errors) console.log(line);
    await server.stop();
  }
}

function row(title: string, alone: readonly Window[], attacked: readonly Window[]): string {
  const of = (windows: readonly Window[], read: (window: Window) => number) => median(windows.map(read));
  const p99 = { without: of(alone, (window) => window.p99), with: of(attacked, (window) => window.p99) };
  const worst = { without: of(alone, (window) => window.worst), with: of(attacked, (window) => window.worst) };
  const resident = Math.max(...attacked.map(({ residentMiB }) => residentMiB));
  const failures = attacked.reduce((sum, window) => sum + window.failures, 0);
  const isPassed =
    p99.with <= Math.max(maxRatio * p99.without, allowedMs) &&
    worst.with <= Math.max(maxWorstRatio * worst.without, allowedMs) &&
    resident <= maxResidentMiB &&
    failures === 0;
  const cells = [
    title,
    p99.without.toFixed(2),
    p99.with.toFixed(2),
    (p99.with / p99.without).toFixed(2),
    worst.without.toFixed(0),
    worst.with.toFixed(0),
    resident.toFixed(0),
    failures,
    count(isPassed),
  ];
  return `| ${cells.join(" | ")} |`;
}

async function beside(name: string, server: ContainedServer, seed: number): Promise<Window> {
  forgetPeak(server.pid);
  const peer = fork(new URL("./peer.ts", import.meta.url), [name, String(server.port)], { execArgv: [] });
  try {
    const job = { ...good, port: server.port, warmUpSeconds, seconds, seed };
    const { failures, due } = await load.run(job, () => {});
    if (peer.exitCode !== null) throw new Error(`the peer ${name} has ended by itself`);
    if (server.ended) throw new Error("the server has ended");
    const { p99, worst, unanswered } = due;
    return { p99, worst, failures: failures + unanswered, residentMiB: peakMiB(server.pid) };
  } finally {
    await end(peer);
  }
}

async function end(peer: ChildProcess): Promise<void> {
  if (peer.exitCode !== null || peer.signalCode !== null) return;
  peer.kill("SIGKILL");
  await once(peer, "exit");
}
