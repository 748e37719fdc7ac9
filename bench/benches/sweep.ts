/**
 * Measures the background work that seals all users after a feature has been switched on: how long it takes, how long its slices hold
 * up Redis by its own slow log, and what callers notice: `npm run bench -- sweep`.
 */
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { sweepScripts } from "../../src/store/redis/sweep.ts";
import { startRedis } from "../../test/support/redis.ts";
import { administrationOf, switchFeatures } from "../../test/support/stores.ts";
import { until } from "../../test/support/until.ts";
import { batchShape } from "../conditions.ts";
import { LoadProcess } from "../load/load-process.ts";
import { startRollcall } from "../processes.ts";
import { wholeNumber } from "../usage.ts";

const { values } = parseArgs({ options: { users: { type: "string", default: "200000" } } });
const users = wholeNumber("users", values.users);
/** Of the caller beside. */
const unary = {
  kind: "unary",
  method: "Identify",
  connections: 2,
  inFlight: 1,
  perSecond: 500,
  users,
  seconds: 5,
} as const;

const redis = await startRedis({ args: ["--slowlog-log-slower-than", "0", "--slowlog-max-len", "1000000"] });
const server = await startRollcall(redis.url, [], []);
const admin = new Redis(redis.url);
const administration = await administrationOf(redis.url);
const load = new LoadProcess();
try {
  const { port } = server;
  await load.run({ kind: "batch", ...batchShape, from: 0, to: users, value: 0, port });
  const beside = (seed: number) => load.run({ ...unary, warmUpSeconds: 1, port, seed });
  const before = await beside(1);
  await admin.slowlog("RESET");
  const startedAt = performance.now();
  await switchFeatures(administration, ["rehearsal"]);
  const during = await beside(2);
  await until(async () => (await administration.read()).current.configuration?.seals?.complete === true, 600_000);
  const seconds = (performance.now() - startedAt) / 1_000;
  const slices = await slicesInSlowLog();
  const at = (share: number) => ((slices[Math.floor((slices.length - 1) * share)] ?? 0) / 1_000).toFixed(2);
  console.log(
    "| users | s | slices | median ms | 99th percentile ms | worst ms | p99 of Identify before, ms | meanwhile, ms |",
  );
  console.log("|--:|--:|--:|--:|--:|--:|--:|--:|");
  const cells = [users, seconds.toFixed(0), slices.length, at(0.5), at(0.99), at(1)];
  console.log(`| ${[...cells, before.p99.toFixed(2), during.p99.toFixed(2)].join(" | ")} |`);
} finally {
  await load.stop();
  administration.close();
  admin.disconnect();
  await server.stop();
  await redis.stop();
}

/** @returns how long each script of the background work took, in microseconds, in order */
async function slicesInSlowLog(): Promise<number[]> {
  const shas = new Set(sweepScripts.map(({ sha }) => sha));
  const entries: unknown = await admin.slowlog("GET", "-1");
  const durations: number[] = [];
  for (const entry of Array.isArray(entries) ? entries : []) {
    const [, , micros, words]: unknown[] = Array.isArray(entry) ? entry : [];
    if (Array.isArray(words) && shas.has(String(words[1]))) durations.push(Number(micros));
  }
  return durations.sort((a, b) => a - b);
}
