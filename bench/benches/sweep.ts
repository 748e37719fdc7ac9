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
import { importUsers } from "../load/import-users.ts";
import { LoadProcess } from "../load/load-process.ts";
import { startRollcall } from "../processes.ts";
import { millisecondsAt, scriptDurations, slowLogSettings } from "../slow-log.ts";
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

const doneWithinMs = 600_000;

const redis = await startRedis({
  args: Object.entries(slowLogSettings).flatMap(([name, value]) => [`--${name}`, value]),
});
const server = await startRollcall(redis.url, [], []);
const admin = new Redis(redis.url);
const administration = await administrationOf(redis.url);
const load = new LoadProcess();
try {
  const { port } = server;
  await importUsers(load, { port, from: 0, to: users, value: 0 });
  const beside = (seed: number) => load.run({ ...unary, warmUpSeconds: 1, port, seed });
  const before = await beside(1);
  await admin.slowlog("RESET");
  const startedAt = performance.now();
  if (values.indexes === undefined) await switchFeatures(administration, ["rehearsal"]);
  else await switchIndexes(administration, values.indexes);
  const during = await beside(2);
  await until(isDone, doneWithinMs);
  const seconds = (performance.now() - startedAt) / 1_000;
  // Of those that the calls do not run.
  const scripts = await scriptDurations(admin, (sha) => sha !== writeScript.sha);
  const at = (share: number) => millisecondsAt(scripts, share);
  console.log(
    "| work | users | s | scripts | median ms | 99th percentile ms | worst ms | p99 of Identify before, ms | meanwhile, ms |",
  );
  console.log("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
  const cells = [values.indexes ?? "rehearsal", users, seconds.toFixed(0), scripts.length, at(0.5), at(0.99), at(1)];
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
