/**
 * Measures the background work over all users, after a feature has been switched on or with `--indexes` after indexes have been set:
 * how long it takes, how long its scripts hold up Redis by its own slow log, and what callers notice: `npm run bench -- sweep`.
 */
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { writeScript } from "../../src/store/redis/write-call.ts";
import { startRedis } from "../../test/support/redis.ts";
import { administrationOf, switchFeatures, switchIndexes } from "../../test/support/stores.ts";
import { until } from "../../test/support/until.ts";
import { batchShape } from "../conditions.ts";
import { LoadProcess } from "../load/load-process.ts";
import { startRollcall } from "../processes.ts";
import { wholeNumber } from "../usage.ts";

const { values } = parseArgs({
  options: { users: { type: "string", default: "200000" }, indexes: { type: "string" } },
});
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

/** Of one stream, which has a deadline. */
const usersPerStream = 250_000;
const doneWithinMs = 600_000;

/** The commands within a script take a few microseconds each, and are left out. */
const redis = await startRedis({ args: ["--slowlog-log-slower-than", "50", "--slowlog-max-len", "1000000"] });
const server = await startRollcall(redis.url, [], []);
const admin = new Redis(redis.url);
const administration = await administrationOf(redis.url);
const load = new LoadProcess();
try {
  const { port } = server;
  for (let from = 0; from < users; from += usersPerStream) {
    const to = Math.min(from + usersPerStream, users);
    await load.run({ kind: "batch", ...batchShape, from, to, value: 0, port });
  }
  const beside = (seed: number) => load.run({ ...unary, warmUpSeconds: 1, port, seed });
  const before = await beside(1);
  await admin.slowlog("RESET");
  const startedAt = performance.now();
  if (values.indexes === undefined) await switchFeatures(administration, ["rehearsal"]);
  else await switchIndexes(administration, values.indexes);
  const during = await beside(2);
  await until(isDone, doneWithinMs);
  const seconds = (performance.now() - startedAt) / 1_000;
  const slices = await slicesInSlowLog();
  const at = (share: number) => ((slices[Math.floor((slices.length - 1) * share)] ?? 0) / 1_000).toFixed(2);
  console.log(
    "| work | users | s | scripts | median ms | 99th percentile ms | worst ms | p99 of Identify before, ms | meanwhile, ms |",
  );
  console.log("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
  const cells = [values.indexes ?? "rehearsal", users, seconds.toFixed(0), slices.length, at(0.5), at(0.99), at(1)];
  console.log(`| ${[...cells, before.p99.toFixed(2), during.p99.toFixed(2)].join(" | ")} |`);
} finally {
  await load.stop();
  administration.close();
  admin.disconnect();
  await server.stop();
  await redis.stop();
}

async function isDone(): Promise<boolean> {
  const { configuration } = (await administration.read()).current;
  return configuration?.seals?.complete === true && configuration.indexes.every(({ state }) => state === "ready");
}

/** @returns how long each script took that the calls did not run, in microseconds, in order */
async function slicesInSlowLog(): Promise<number[]> {
  const entries: unknown = await admin.slowlog("GET", "-1");
  const durations: number[] = [];
  for (const entry of Array.isArray(entries) ? entries : []) {
    const [, , micros, words]: unknown[] = Array.isArray(entry) ? entry : [];
    if (!Array.isArray(words) || String(words[0]).toUpperCase() !== "EVALSHA") continue;
    if (String(words[1]) !== writeScript.sha) durations.push(Number(micros));
  }
  return durations.sort((a, b) => a - b);
}
