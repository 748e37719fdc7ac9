/** Measures what users take in Redis' memory and in an SQLite file: `npm run bench -- sizing --users 1000000`. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { startRedis } from "../../test/support/redis.ts";
import { batchShape, redisArgs } from "../conditions.ts";
import { indexesReady } from "../indexes-ready.ts";
import { LoadProcess } from "../load/load-process.ts";
import { batchTemplate } from "../load/requests.ts";
import { startRollcall } from "../processes.ts";
import { wholeNumber } from "../usage.ts";

const { values } = parseArgs({ options: { users: { type: "string", default: "1000000" } } });
const users = wholeNumber("users", values.users);

const emailIndex = ["--indexes", "email:fold"];

const directory = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
const load = new LoadProcess();
try {
  console.log("| store | bytes of an Identify | bytes a user | MiB for a million users |");
  console.log("|---|--:|--:|--:|");
  row("Redis, hash-max-listpack-value 1024", await inRedis(redisArgs));
  row("Redis, as it comes", await inRedis([]));
  row("Redis, hash-max-listpack-value 1024, index of email:fold", await inRedis(redisArgs, emailIndex));
  row("SQLite", await inSqlite());
  row("SQLite, index of email:fold", await inSqlite(emailIndex));
} finally {
  await load.stop();
  rmSync(directory, { recursive: true });
}

function row(store: string, bytes: number): void {
  const request = batchTemplate(1).copy().length;
  const cells = [store, request, (bytes / users).toFixed(0), (bytes / users / 1.048576).toFixed(0)];
  console.log(`| ${cells.join(" | ")} |`);
}

async function importAll(port: number): Promise<void> {
  const result = await load.run({ kind: "batch", port, ...batchShape, from: 0, to: users, value: 0 });
  if (result.created !== users) throw new Error("not every user was created");
}

async function inRedis(args: readonly string[], serverArgs: readonly string[] = []): Promise<number> {
  const redis = await startRedis({ args });
  const admin = new Redis(redis.url);
  try {
    const before = await usedMemory(admin);
    const server = await startRollcall(redis.url, serverArgs);
    if (serverArgs.length > 0) await indexesReady(server.port);
    await importAll(server.port);
    await server.stop();
    return (await usedMemory(admin)) - before;
  } finally {
    admin.disconnect();
    await redis.stop();
  }
}

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
}

async function inSqlite(serverArgs: readonly string[] = []): Promise<number> {
  const path = join(directory, `${serverArgs.length}.db`);
  const server = await startRollcall(`sqlite:${path}`, serverArgs);
  if (serverArgs.length > 0) await indexesReady(server.port);
  await importAll(server.port);
  await server.stop();
  return statSync(path).size;
}
