/**
 * Compares Rollcall with servers that a competent user of stock libraries writes, and with what Redis and SQLite do alone:
 * `npm run bench -- compare`. All are measured in turn, several times. The tables show medians.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { type RedisProcess, startRedis } from "../../test/support/redis.ts";
import { redisAlone, SqliteAlone } from "../baselines.ts";
import { redisArgs } from "../conditions.ts";
import { Results } from "../figures.ts";
import { LoadProcess } from "../load/load-process.ts";
import { type Lengths, loadBatches, loadUnary } from "../loads.ts";
import { buildGoPeer } from "../peers/go-peer.ts";
import { type ServerProcess, startGoPeer, startPeer, startRollcall } from "../processes.ts";
import { figuresTable, verdictsTable } from "../tables.ts";
import { verdicts } from "../targets.ts";
import { comparisonOptions } from "../usage.ts";

const { quick, json, runs } = comparisonOptions(2);
const lengths: Lengths = quick
  ? { warmUpSeconds: 0.5, seconds: 1, users: 40_000 }
  : { warmUpSeconds: 1, seconds: 2.5, users: 100_000 };

/** A server and its store. */
interface Contestant {
  readonly name: string;
  readonly server: ServerProcess;
  readonly redis: RedisProcess | undefined;
}

const coresForWorkers = 4;

const go = buildGoPeer();
const directory = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
const results = new Results();
const load = new LoadProcess();
const stopping: (() => Promise<void>)[] = [() => load.stop()];
try {
  const onRedis = await Promise.all([
    contestant("Rollcall", startRollcall),
    contestant("connect-node", (url) => startPeer("connect-node", url)),
    contestant("grpc-js", (url) => startPeer("grpc-js", url)),
    ...(go ? [contestant("Go", (url) => startGoPeer(go, url))] : []),
  ]);
  const onSqlite = [
    { name: "Rollcall", server: await startRollcall(`sqlite:${join(directory, "ours.db")}`), redis: undefined },
    {
      name: "connect-node",
      server: await startPeer("connect-node-sqlite", join(directory, "peer.db")),
      redis: undefined,
    },
  ];
  // Workers need cores that Redis and the load do not use.
  const onWorkers =
    availableParallelism() < coresForWorkers
      ? []
      : [await contestant("Rollcall, 2 workers", (url) => startRollcall(url, ["--workers", "2"]))];
  const instant = { name: "instant store", server: await startPeer("rollcall-instant"), redis: undefined };
  const bare = await startRedis({ args: redisArgs });
  stopping.push(() => bare.stop());
  for (const { server } of [...onSqlite, instant]) stopping.push(() => server.stop());

  // Warm-up, not measured, with users of its own.
  for (const { server, redis } of [...onRedis, ...onWorkers, ...onSqlite, instant]) {
    await loadBatches(load, server, redis, lengths.users, runs);
  }
  for (let run = 0; run < runs; run++) {
    process.stderr.write(`run ${run + 1} of ${runs}\n`);
    for (const each of onRedis) await batches("Redis", each, run);
    for (const method of ["Identify", "GetUser"] as const) {
      for (const each of onRedis) await unary(`${method}, Redis`, method, each, run);
    }
    for (const each of onWorkers) await unary("Identify, Redis", "Identify", each, run);
    for (const each of onRedis.filter(({ name }) => name !== "connect-node")) {
      await unary("Identify, one caller", "Identify", each, run, { connections: 1, inFlight: 1 });
      const peak = results.figure("Identify, Redis", "Rollcall", "perSecond") ?? 0;
      await unary("Identify, half of Rollcall's peak", "Identify", each, run, { perSecond: peak / 2 });
    }
    for (const each of onSqlite) await batches("SQLite", each, run);
    for (const method of ["Identify", "GetUser"] as const) {
      for (const each of onSqlite) await unary(`${method}, SQLite`, method, each, run);
    }
    await batches("Redis", instant, run);
    await alone(bare, run);
  }
} finally {
  for (const stop of stopping.toReversed()) await stop();
  rmSync(directory, { recursive: true });
}

const lines = [
  `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, median of ${runs} runs`,
  "",
  ...figuresTable(results),
  "",
  ...verdictsTable(verdicts(results)),
];
console.log(lines.join("\n"));
if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, undefined, 1)}\n`);

async function contestant(name: string, start: (url: string) => Promise<ServerProcess>): Promise<Contestant> {
  const redis = await startRedis({ args: redisArgs });
  stopping.push(() => redis.stop());
  const server = await start(redis.url);
  stopping.push(() => server.stop());
  return { name, server, redis };
}

async function unary(
  what: string,
  method: "Identify" | "GetUser",
  { name, server, redis }: Contestant,
  run: number,
  callers: { connections?: number; inFlight?: number; perSecond?: number } = {},
): Promise<void> {
  const job = { method, seed: run + 1, ...lengths, connections: 4, inFlight: 32, ...callers };
  results.add(what, name, await loadUnary(load, server, redis, job));
}

/** A first import, the same again, and again with one property in eight changed. */
async function batches(store: string, { name, server, redis }: Contestant, run: number): Promise<void> {
  for (const [kind, figures] of await loadBatches(load, server, redis, lengths.users, run)) {
    results.add(`BatchIdentify, ${store}, ${kind}`, name, figures);
  }
}

async function alone(redis: RedisProcess, run: number): Promise<void> {
  const users = lengths.users;
  const sqlite = new SqliteAlone(join(directory, `alone-${run}.db`));
  for (const [kind, value] of [
    ["first import", 0],
    ["unchanged", 0],
    ["one of eight changed", 1],
  ] as const) {
    const from = run * users;
    const inRedis = await redisAlone(redis.port, from, from + users, value);
    results.add(`BatchIdentify, Redis, ${kind}`, "Redis alone", { perSecond: inRedis });
    const inSqlite = sqlite.write(from, from + users, value);
    results.add(`BatchIdentify, SQLite, ${kind}`, "node:sqlite alone", { perSecond: inSqlite });
  }
  sqlite.close();
}
