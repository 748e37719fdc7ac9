/**
 * Lets callers who do everything wrong at a server for minutes: `npm run test:suite -- soak --minutes 10`. Fails if anything of them
 * stays behind in the server, if it logs an error, ends or takes ever more memory, or if it fails a call of a caller
 * beside them who does nothing wrong. `--http2` chooses the layer; without it, it is the one that the server has by default.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { UnaryResult } from "../../bench/load/jobs.ts";
import { LoadProcess } from "../../bench/load/load-process.ts";
import {
  type ContainedServer,
  forgetPeak,
  maxResidentMiB,
  peakMiB,
  startContained,
} from "../hostile/contained-server.ts";
import { readHttp2Layers } from "../support/http2-layers.ts";
import { ada } from "../support/server.ts";
import { until } from "../support/until.ts";
import { type Memory, memoryInUse } from "./heap.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    store: { type: "string" },
    http2: { type: "string" },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0)) throw new Error("--minutes: expected how long to go on");
if (!Number.isInteger(seed)) throw new Error("--seed: expected an integer");

const [http2, ...others] = values.http2 === undefined ? [] : readHttp2Layers(values.http2);
if (others.length > 0) throw new Error("--http2: expected one layer");

const good = { kind: "unary", method: "Identify", connections: 2, inFlight: 1, perSecond: 100, users: 10_000 } as const;
/** After which the memory is held against the end's. */
const firstMinutes = Math.min(2, minutes / 5);
/** What the heap may grow by: code is compiled and metrics gain labels as rarer faults come. */
const maxGrowthMiB = 16;
/** Resident memory also has what the allocator keeps, in more pieces the longer it lasts. */
const maxResidentGrowthMiB = 96;
/**
 * How long what callers left behind may take to go. Node reads nothing of an HTTP/1.1 connection on which enough answers
 * wait, and learns that its other end has gone when it times out: after five minutes.
 */
const settleMs = 330_000;
/** Before the first look at the memory. */
const pauseMs = 5_000;

const directory = mkdtempSync(join(tmpdir(), "rollcall-soak-"));
const store = values.store ?? `sqlite:${join(directory, "users.db")}`;
const server = await startContained(store, http2, ["--inspect=127.0.0.1:0"]);
const load = new LoadProcess();
const checks: { readonly name: string; readonly passed: boolean; readonly found: string }[] = [];
const counts: Record<string, number> = {};
try {
  const large = { id: "large", properties: { ...ada, text: "x".repeat(60_000) } };
  const stored = await fetch(`http://127.0.0.1:${server.port}/rollcall.v1.UserService/Identify`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify(large),
  });
  if (!stored.ok) throw new Error(`a user could not be stored: ${stored.status}`);
  await stored.body?.cancel();
  forgetPeak(server.pid);
  const first = await phase(firstMinutes, seed);
  checkCalls(`after ${firstMinutes} minutes`, first);
  await pause(pauseMs);
  const before = await memoryInUse(inspectorOf(server));
  const second = await phase(minutes - firstMinutes, seed + 1);
  checkCalls("in the end", second);
  await checkRemains();
  checkGrowth(before, await memoryInUse(inspectorOf(server)));
} catch (error) {
  check("the soak runs to its end", false, String(error));
} finally {
  await load.stop();
  const residentMiB = server.ended ? Number.NaN : peakMiB(server.pid);
  check("resident MiB at most", residentMiB <= maxResidentMiB, residentMiB.toFixed(0));
  const errors = server.errors.filter((line) => !/^(Debugger|For help)/.test(line));
  for (const line of errors.slice(0, 20)) console.log(line);
  check("lines of errors in the log", errors.length === 0, String(errors.length));
  check("the server goes on", !server.ended, server.ended ? "ended" : "runs");
  const status = await server.stop();
  check("exit status when it is told to stop", status === 0, String(status));
  rmSync(directory, { recursive: true });
}
const faults = Object.entries(counts).map(([fault, count]) => `${fault} ${count}`);
console.log(`connections: ${faults.join(", ")}\n`);
console.log("| check | found | |");
console.log("|---|---|---|");
for (const { name, passed, found } of checks) console.log(`| ${name} | ${found} | ${passed ? "passed" : "failed"} |`);
const failed = checks.filter(({ passed }) => !passed).length;
console.log(`\n${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function check(name: string, passed: boolean, found: string): void {
  checks.push({ name, passed, found });
}

async function phase(length: number, phaseSeed: number): Promise<UnaryResult> {
  const seconds = length * 60;
  const program = new URL("./caller.ts", import.meta.url);
  const faulty = fork(program, [server.port, phaseSeed, seconds].map(String), { execArgv: [] });
  faulty.on("message", (told: Record<string, number>) => {
    for (const [fault, count] of Object.entries(told)) counts[fault] = (counts[fault] ?? 0) + count;
  });
  const ended = once(faulty, "exit");
  try {
    const job = { ...good, port: server.port, warmUpSeconds: 0, seconds, seed: phaseSeed };
    const result = await load.run(job, () => {});
    const [status] = await ended;
    if (status !== 0) throw new Error(`the faulty callers ended with status ${status}`);
    return result;
  } finally {
    faulty.kill("SIGKILL");
  }
}

function checkCalls(when: string, { calls, failures, due: { p99, worst, unanswered } }: UnaryResult): void {
  const failed = failures + unanswered;
  const waited = `${calls} answered; p99 ${p99.toFixed(0)} ms, worst ${worst.toFixed(0)} ms`;
  check(`calls of the good caller that failed, ${when}`, failed === 0, `${failed}; ${waited}`);
}

/** What is still there once all callers have gone. */
async function checkRemains(): Promise<void> {
  const began = performance.now();
  for (const gauge of ["rollcall_held", "rollcall_connections", "rollcall_calls_in_flight"]) {
    const isGone = await until(async () => (await total(server, gauge)) === 0, settleMs).catch(() => false);
    const seconds = ((performance.now() - began) / 1_000).toFixed(0);
    check(`${gauge} in the end`, isGone, `${await total(server, gauge)} after ${seconds} s`);
  }
}

/** Where Node's debugger listens: it says so at the start. */
function inspectorOf({ errors }: ContainedServer): string {
  const inspector = errors.map((line) => /ws:\S+/.exec(line)?.[0]).find((url) => url !== undefined);
  if (inspector === undefined) throw new Error("the server has no inspector");
  return inspector;
}

function checkGrowth(before: Memory, after: Memory): void {
  const growth = (from: number, to: number) => `${from.toFixed(0)} MiB, then ${to.toFixed(0)}`;
  const heap = after.inUseMiB - before.inUseMiB;
  check("memory in use", heap <= maxGrowthMiB, growth(before.inUseMiB, after.inUseMiB));
  const resident = after.residentMiB - before.residentMiB;
  check("resident memory", resident <= maxResidentGrowthMiB, growth(before.residentMiB, after.residentMiB));
}

/** The sum of a metric, whatever its labels. */
async function total({ metrics }: ContainedServer, name: string): Promise<number> {
  const lines = (await metrics())
    .split("\n")
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
