/**
 * Measures FindUsers by e-mail beside GetUser, on every kind of store, with many users stored: `npm run bench -- find`. Both methods
 * are called in turn; figures are medians of several runs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { GetRegistryResponse_Index_State } from "../../gen/es/rollcall/v1/user_service_pb.js";
import { createRollcallClient } from "../../src/client/index.ts";
import { startRedis } from "../../test/support/redis.ts";
import { startCluster } from "../../test/support/redis-cluster.ts";
import { until } from "../../test/support/until.ts";
import { batchShape, redisArgs } from "../conditions.ts";
import type { UnaryResult } from "../load/jobs.ts";
import { LoadProcess } from "../load/load-process.ts";
import { median } from "../median.ts";
import { cpuSecondsOf, startRollcall } from "../processes.ts";
import { wholeNumber } from "../usage.ts";

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "1000000" },
    runs: { type: "string", default: "5" },
    stores: { type: "string", default: "redis,cluster,sqlite" },
  },
});
const users = wholeNumber("users", values.users);
const runs = wholeNumber("runs", values.runs);
const usersPerStream = 250_000;

interface Run {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of the server, and of Redis, for each call, in microseconds. */
  readonly serverCpu: number;
  readonly redisCpu: number;
}

const manyCallers = { connections: 4, inFlight: 16, warmUpSeconds: 1, seconds: 3 };
const oneCaller = { connections: 1, inFlight: 1, warmUpSeconds: 0.5, seconds: 2 };
const methods = ["GetUser", "FindUsers"] as const;

const load = new LoadProcess();
const directory = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
try {
  console.log("| store | method | calls a second | p50 ms, one caller | p99 ms, one caller | server µs | Redis µs |");
  console.log("|---|---|--:|--:|--:|--:|--:|");
  for (const store of values.stores.split(",")) {
    if (store === "redis") await onRedis();
    else if (store === "cluster") await onCluster();
    else await measure("SQLite", `sqlite:${join(directory, "users.db")}`, []);
  }
} finally {
  await load.stop();
  rmSync(directory, { recursive: true });
}

async function onRedis(): Promise<void> {
  const redis = await startRedis({ args: redisArgs });
  try {
    await measure("one Redis", redis.url, [redis.pid]);
  } finally {
    await redis.stop();
  }
}

async function onCluster(): Promise<void> {
  const cluster = await startCluster({ primaries: 3, replicas: 0, args: redisArgs });
  try {
    await measure(
      "3 primaries",
      cluster.url,
      cluster.nodes.map((node) => node.process.pid),
    );
  } finally {
    await cluster.stop();
  }
}

async function measure(name: string, store: string, redisPids: readonly number[]): Promise<void> {
  const server = await startRollcall(store, ["--indexes", "email:fold"]);
  try {
    const { port } = server;
    for (let from = 0; from < users; from += usersPerStream) {
      const to = Math.min(from + usersPerStream, users);
      await load.run({ kind: "batch", ...batchShape, from, to, value: 0, port });
    }
    await ready(port);
    const found: Record<(typeof methods)[number], Run[]> = { GetUser: [], FindUsers: [] };
    for (let run = 0; run < runs; run++) {
      for (const method of methods) {
        const job = { kind: "unary", method, port, users, seed: run + 1 } as const;
        let before = { server: 0, redis: 0 };
        const cpu = () => ({
          server: cpuSecondsOf(server.pid),
          redis: redisPids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0),
        });
        const many = answered(
          await load.run({ ...job, ...manyCallers }, () => {
            before = cpu();
          }),
        );
        const after = cpu();
        const one = answered(await load.run({ ...job, ...oneCaller }));
        found[method].push({
          perSecond: many.calls / many.seconds,
          p50: one.p50,
          p99: one.p99,
          serverCpu: ((after.server - before.server) / many.calls) * 1e6,
          redisCpu: ((after.redis - before.redis) / many.calls) * 1e6,
        });
      }
    }
    const medianOf = (method: (typeof methods)[number], figure: keyof Run) =>
      median(found[method].map((run) => run[figure]));
    for (const method of methods) {
      const cells = [
        medianOf(method, "perSecond").toFixed(0),
        medianOf(method, "p50").toFixed(2),
        medianOf(method, "p99").toFixed(2),
        medianOf(method, "serverCpu").toFixed(0),
        medianOf(method, "redisCpu").toFixed(0),
      ];
      console.log(`| ${name} | ${method} | ${cells.join(" | ")} |`);
    }
    const ratio = (figure: keyof Run) =>
      median(found.FindUsers.map((run, at) => run[figure] / (found.GetUser[at]?.[figure] ?? 1))).toFixed(2);
    console.log(
      `| ${name} | FindUsers ÷ GetUser | ${ratio("perSecond")} | ${ratio("p50")} | ${ratio("p99")} | ${ratio("serverCpu")} | ${redisPids.length > 0 ? ratio("redisCpu") : ""} |`,
    );
  } finally {
    await server.stop();
  }
}

/** Resolves once the index is ready. Building it begins with the server, beside the import. */
async function ready(port: number): Promise<void> {
  const client = createRollcallClient(`http://127.0.0.1:${port}`);
  await until(async () => {
    const { indexes } = await client.getRegistry({});
    return indexes.length > 0 && indexes.every(({ state }) => state === GetRegistryResponse_Index_State.READY);
  }, 300_000);
}

function answered(result: UnaryResult): UnaryResult {
  if (result.failures > 0) throw new Error(`${result.failures} calls failed`);
  return result;
}
