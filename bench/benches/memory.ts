/**
 * Measures a server's resident memory while millions of users are imported, and the time from start to first answer:
 * `npm run bench -- memory --users 5000000`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { startRedis } from "../../test/support/redis.ts";
import { batchShape, redisArgs } from "../conditions.ts";
import { LoadProcess } from "../load/load-process.ts";
import { median } from "../median.ts";
import { memoryOf, type ServerProcess, startRollcall } from "../processes.ts";
import { wholeNumber } from "../usage.ts";

const { values } = parseArgs({
  options: { users: { type: "string", default: "5000000" }, starts: { type: "string", default: "9" } },
});
const users = wholeNumber("users", values.users);
const starts = wholeNumber("starts", values.starts);

/** Memory is read each time so many users are imported. Growth is counted after the first tenth of all users. */
const step = Math.ceil(users / 20);
const warmUp = users / 10;

const directory = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
const load = new LoadProcess();
try {
  console.log("| store | users | a second | resident MiB, least | most | growth after the first tenth |");
  console.log("|---|--:|--:|--:|--:|--:|");
  const redis = await startRedis({ args: redisArgs });
  try {
    await importInto("Redis", await startRollcall(redis.url));
  } finally {
    await redis.stop();
  }
  await importInto("SQLite", await startRollcall(`sqlite:${join(directory, "users.db")}`));
  const times: number[] = [];
  for (let at = 0; at < starts; at++) times.push(await startToAnswer(`sqlite:${join(directory, "start.db")}`));
  console.log(`\nstart to first answer: ${median(times).toFixed(0)} ms (median of ${starts})`);
} finally {
  await load.stop();
  rmSync(directory, { recursive: true });
}

async function importInto(store: string, server: ServerProcess): Promise<void> {
  const resident: number[] = [];
  const start = performance.now();
  for (let from = 0; from < users; from += step) {
    const to = Math.min(from + step, users);
    const result = await load.run({ kind: "batch", port: server.port, ...batchShape, from, to, value: 0 });
    if (result.created !== to - from) throw new Error("not every user was created");
    if (to > warmUp) resident.push(memoryOf(server.pid).residentMiB);
  }
  const perSecond = users / ((performance.now() - start) / 1_000);
  const [first = 0] = resident;
  const most = Math.max(...resident);
  const growth = `${((most / first - 1) * 100).toFixed(1)} %`;
  const cells = [store, users, perSecond.toFixed(0), Math.min(...resident).toFixed(0), most.toFixed(0), growth];
  console.log(`| ${cells.join(" | ")} |`);
  await server.stop();
}

/** Milliseconds from starting the process to its first answer. */
async function startToAnswer(store: string): Promise<number> {
  const start = performance.now();
  const server = await startRollcall(store);
  try {
    const session = connect(`http://127.0.0.1:${server.port}`);
    const call = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/json",
    });
    call.end("{}");
    await new Promise((resolve, reject) => {
      call.on("response", resolve).on("error", reject);
    });
    session.destroy();
    return performance.now() - start;
  } finally {
    await server.stop();
  }
}
