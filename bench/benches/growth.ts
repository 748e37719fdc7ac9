/**
 * Measures what a user costs as the number of stored users, of properties, of callers and of users in a message grows:
 * `npm run bench -- growth`. Each point is the median of several runs. It takes about ten minutes, and 8 GB of memory for
 * ten million users in Redis.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type RedisProcess, startRedis } from "../../test/support/redis.ts";
import { batchShape, redisArgs } from "../conditions.ts";
import { importUsers } from "../load/import-users.ts";
import type { BatchJob } from "../load/jobs.ts";
import { LoadProcess } from "../load/load-process.ts";
import { median } from "../median.ts";
import { cpuSecondsOf, type ServerProcess, startRollcall } from "../processes.ts";
import { wholeNumber } from "../usage.ts";

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "10000000" },
    runs: { type: "string", default: "3" },
    json: { type: "string" },
  },
});
const mostUsers = wholeNumber("users", values.users, 10_000);
const runs = wholeNumber("runs", values.runs);

interface Point {
  readonly series: string;
  readonly at: number;
  /** Users, or calls, a second. */
  readonly perSecond: number;
  /** CPU time of the server, and of Redis, for each of them, in microseconds. */
  readonly serverCpu: number;
  readonly redisCpu: number | undefined;
}

/** How many users each point is measured with. */
const sample = 100_000;

const points: Point[] = [];
const load = new LoadProcess();
const directory = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
try {
  await withRedis(async (server, redis) => {
    await overStored("stored in Redis", server, redis, mostUsers);
  });
  const sqlite = await startRollcall(`sqlite:${join(directory, "users.db")}`);
  await overStored("stored in SQLite", sqlite, undefined, Math.min(mostUsers, 1_000_000));
  await sqlite.stop();
  for (const properties of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]) {
    await withRedis(async (server, redis) => {
      const users = Math.min(sample, Math.ceil(800_000 / properties));
      const perMessage = Math.max(1, Math.min(500, Math.floor(16_000 / properties)));
      const job = { ...batchShape, perMessage, properties, from: 0, to: users };
      await batch(server, { ...job, value: 0 });
      await measure("properties of a user, one changed", properties, server, redis, users, (run) =>
        batch(server, { ...job, value: run + 1 }),
      );
    });
  }
  for (const callers of [1, 3, 10, 30, 100, 300, 1_000]) {
    await withRedis(async (server, redis) => {
      await batch(server, { ...batchShape, from: 0, to: sample, value: 0 });
      const connections = Math.min(callers, 20);
      const inFlight = Math.round(callers / connections);
      await measure("callers of Identify", callers, server, redis, undefined, async (run, onBegin) => {
        const job = { connections, inFlight, warmUpSeconds: 1, seconds: 2, users: sample, seed: run + 1 };
        const unary = { kind: "unary", method: "Identify", port: server.port, ...job } as const;
        return (await load.run(unary, onBegin)).calls;
      });
    });
  }
  for (const perMessage of [1, 3, 10, 30, 100, 300, 1_000]) {
    await withRedis(async (server, redis) => {
      const users = Math.min(sample, perMessage * 20_000);
      const job = { ...batchShape, perMessage, from: 0, to: users };
      await batch(server, { ...job, value: 0 });
      await measure("users in a message, one of eight properties changed", perMessage, server, redis, users, (run) =>
        batch(server, { ...job, value: run + 1 }),
      );
    });
  }
} finally {
  await load.stop();
  rmSync(directory, { recursive: true });
}

console.log("| over | at | a second | server µs | Redis µs | × the least CPU time |");
console.log("|---|--:|--:|--:|--:|--:|");
for (const point of points) {
  const total = (each: Point) => each.serverCpu + (each.redisCpu ?? 0);
  const least = Math.min(...points.filter(({ series }) => series === point.series).map(total));
  const { series, at, perSecond, serverCpu, redisCpu } = point;
  const cells = [series, at, perSecond.toFixed(0), serverCpu.toFixed(1), redisCpu?.toFixed(1) ?? ""];
  console.log(`| ${cells.join(" | ")} | ${(total(point) / least).toFixed(2)} |`);
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(points, undefined, 1)}\n`);

async function withRedis(work: (server: ServerProcess, redis: RedisProcess) => Promise<void>): Promise<void> {
  const redis = await startRedis({ args: redisArgs });
  try {
    const server = await startRollcall(redis.url, ["--required-properties", ""]);
    await work(server, redis);
    await server.stop();
  } finally {
    await redis.stop();
  }
}

/** Changes one property in eight of users spread evenly over the stored ones. */
async function overStored(
  what: string,
  server: ServerProcess,
  redis: RedisProcess | undefined,
  most: number,
): Promise<void> {
  let stored = 0;
  for (let size = 10_000; size <= most; size *= 10) {
    await batch(server, { ...batchShape, from: stored, to: size, value: 0 });
    stored = size;
    const parts = 10;
    let value = 0;
    const changeSome = async () => {
      for (let sent = 0; sent < sample; ) {
        value++;
        const perPart = Math.min(sample, size) / parts;
        for (let part = 0; part < parts; part++, sent += perPart) {
          const from = Math.floor((part * size) / parts);
          await batch(server, { ...batchShape, from, to: from + perPart, value });
        }
      }
      return sample;
    };
    // Warm-up, not measured.
    if (size === 10_000) await changeSome();
    await measure(what, size, server, redis, sample, changeSome);
  }
}

async function batch(server: ServerProcess, job: Omit<BatchJob, "kind" | "port">): Promise<number> {
  await importUsers(load, { ...job, port: server.port });
  return job.to - job.from;
}

/**
 * Measures one point.
 *
 * @param units how many users `work` sends; without it, the number that `work` returns
 * @param work if it calls `onBegin`, measuring starts there
 */
async function measure(
  series: string,
  at: number,
  server: ServerProcess,
  redis: RedisProcess | undefined,
  units: number | undefined,
  work: (run: number, onBegin: () => void) => Promise<number>,
): Promise<void> {
  const figures: { perSecond: number; serverCpu: number; redisCpu: number | undefined }[] = [];
  for (let run = 0; run < runs; run++) {
    let start = 0;
    let serverSeconds = 0;
    let redisSeconds = 0;
    const begin = () => {
      start = performance.now();
      serverSeconds = cpuSecondsOf(server.pid);
      redisSeconds = redis === undefined ? 0 : cpuSecondsOf(redis.pid);
    };
    begin();
    const done = await work(run, begin);
    const count = units ?? done;
    const seconds = (performance.now() - start) / 1_000;
    figures.push({
      perSecond: count / seconds,
      serverCpu: ((cpuSecondsOf(server.pid) - serverSeconds) / count) * 1e6,
      redisCpu: redis === undefined ? undefined : ((cpuSecondsOf(redis.pid) - redisSeconds) / count) * 1e6,
    });
  }
  const redisTimes = figures.flatMap(({ redisCpu }) => (redisCpu === undefined ? [] : [redisCpu]));
  points.push({
    series,
    at,
    perSecond: median(figures.map(({ perSecond }) => perSecond)),
    serverCpu: median(figures.map(({ serverCpu }) => serverCpu)),
    redisCpu: redisTimes.length === 0 ? undefined : median(redisTimes),
  });
  process.stderr.write(`${series}: ${at}\n`);
}
