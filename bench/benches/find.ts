/**
 * Measures FindUsers by e-mail beside GetUser, on every kind of store, with many users stored: `npm run bench -- find`. Both methods
 * are called in turn; figures are medians of several runs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Redis } from "ioredis";
import type { MatchSchema } from "../../gen/es/rollcall/v1/user_service_pb.js";
import { createRollcallClient, type RollcallClient } from "../../src/client/index.ts";
import { findScript } from "../../src/store/redis/find-entries.ts";
import { startRedis } from "../../test/support/redis.ts";
import { startCluster } from "../../test/support/redis-cluster.ts";
import { redisArgs } from "../conditions.ts";
import { indexesReady } from "../indexes-ready.ts";
import { importUsers } from "../load/import-users.ts";
import type { UnaryResult } from "../load/jobs.ts";
import { LoadProcess } from "../load/load-process.ts";
import { median } from "../median.ts";
import { cpuSecondsOf, startRollcall } from "../processes.ts";
import { millisecondsAt, scriptDurations, slowLogSettings } from "../slow-log.ts";
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

interface PagedFind {
  readonly name: string;
  readonly match: MessageInitShape<typeof MatchSchema>;
  readonly pageSize: number;
  readonly pages: number;
}

const startOfEmail: PagedFind["match"] = { property: "email", condition: { case: "startsWith", value: "ada.000" } };
const onePlan: PagedFind["match"] = {
  property: "plan",
  condition: { case: "equals", value: { kind: { case: "stringValue", value: "enterprise" } } },
};
/** Of a million users, a tenth has an address that begins so, and all have the plan. */
const pagedFinds: readonly PagedFind[] = [
  { name: "email starts with ada.000, pages of 100", match: startOfEmail, pageSize: 100, pages: 1_000 },
  { name: "plan is enterprise, pages of 100", match: onePlan, pageSize: 100, pages: 200 },
  { name: "plan is enterprise, pages of 1,000", match: onePlan, pageSize: 1_000, pages: 200 },
];
const scriptRows: string[] = [];

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
  if (scriptRows.length > 0) {
    console.log("\n| search | users | pages | scripts | median ms | 99th percentile ms | worst ms |");
    console.log("|---|--:|--:|--:|--:|--:|--:|");
    for (const row of scriptRows) console.log(row);
  }
} finally {
  await load.stop();
  rmSync(directory, { recursive: true });
}

async function onRedis(): Promise<void> {
  const redis = await startRedis({ args: redisArgs });
  try {
    await measure("one Redis", redis.url, [redis.pid], (client) => measureScripts(client, redis.url));
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

/** How long scripts of FindUsers hold up Redis, by its slow log. */
async function measureScripts(client: RollcallClient, url: string): Promise<void> {
  const admin = new Redis(url);
  await admin.config("SET", ...Object.entries(slowLogSettings).flat());
  try {
    for (const { name, match, pageSize, pages } of pagedFinds) {
      await admin.slowlog("RESET");
      let found = 0;
      let asked = 0;
      for (let pageToken = ""; asked < pages && (asked === 0 || pageToken !== ""); asked++) {
        const page = await client.findUsers({ match, pageSize, pageToken });
        found += page.users.length;
        pageToken = page.nextPageToken;
      }
      const durations = await scriptDurations(admin, (sha) => sha === findScript.sha);
      const at = (share: number) => millisecondsAt(durations, share);
      scriptRows.push(`| ${name} | ${found} | ${asked} | ${durations.length} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`);
    }
  } finally {
    admin.disconnect();
  }
}

async function measure(
  name: string,
  store: string,
  redisPids: readonly number[],
  alsoMeasure: (client: RollcallClient) => Promise<void> = async () => {},
): Promise<void> {
  const server = await startRollcall(store, ["--indexes", "email:fold,plan"]);
  try {
    const { port } = server;
    await importUsers(load, { port, from: 0, to: users, value: 0 });
    await indexesReady(port);
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
    await alsoMeasure(createRollcallClient(`http://127.0.0.1:${port}`));
  } finally {
    await server.stop();
  }
}

function answered(result: UnaryResult): UnaryResult {
  if (result.failures > 0) throw new Error(`${result.failures} calls failed`);
  return result;
}
