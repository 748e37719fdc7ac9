/**
 * Imports a file of users twice through `rollcall import`, into SQLite and into Redis, then reads every user back and
 * compares it with what was sent: `npm run bench -- import --count 100000`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { exampleUsers } from "../../scripts/example-users.ts";
import { createRollcallClient } from "../../src/client/index.ts";
import { startRedis } from "../../test/support/redis.ts";
import { redisArgs } from "../conditions.ts";
import { wholeNumber } from "../usage.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const concurrentReads = 64;

const { values } = parseArgs({ options: { count: { type: "string", default: "100000" } } });
const count = wholeNumber("count", values.count);

const directory = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
const file = join(directory, "users.ndjson");
try {
  await pipeline(lines(), createWriteStream(file));
  await measure("SQLite", `sqlite:${join(directory, "users.db")}`);
  const redis = await startRedis({ args: redisArgs });
  try {
    await measure("Redis", redis.url);
  } finally {
    await redis.stop();
  }
} finally {
  rmSync(directory, { recursive: true });
}

function* lines() {
  for (const user of exampleUsers(count, 1)) yield `${JSON.stringify(user)}\n`;
}

async function measure(name: string, store: string): Promise<void> {
  const server = rollcall(["serve", "--listen", "127.0.0.1:0", "--store", store, "--log-level", "error"]);
  try {
    const url = await startedAt(server);
    for (const run of ["first import", "second import"]) {
      console.log(`${name}, ${run}: ${await output(rollcall(["import", file, "--server", url]))}`);
    }
    console.log(`${name}: server's peak memory ${peakMegabytes(server)} MB`);
    console.log(`${name}: ${await readBack(url)} of ${count} users read back exactly as they were sent`);
  } finally {
    server.kill("SIGTERM");
    await once(server, "exit");
  }
}

function rollcall(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
}

/** The URL in the first line that the server prints. */
async function startedAt(server: ChildProcess): Promise<string> {
  if (server.stdout === null) throw new Error("the server has no output");
  const [line] = await once(createInterface({ input: server.stdout }), "line");
  const url = /http:\/\/[\d.:]+/.exec(String(line))?.[0];
  if (url === undefined) throw new Error(`the server did not say where it is: ${line}`);
  return url;
}

async function output(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.on("data", (chunk) => {
    text += chunk;
  });
  const [status] = await once(child, "close");
  if (status !== 0) throw new Error(`the import ended with status ${status}`);
  return text.trim();
}

/** Linux' high-water mark of resident memory. */
function peakMegabytes(child: ChildProcess): string {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024).toFixed(0);
}

/** Counts the users that the server returns exactly as they were sent. */
async function readBack(url: string): Promise<number> {
  const client = createRollcallClient(url);
  const users = exampleUsers(count, 1);
  let exact = 0;
  const reader = async () => {
    for (const { id, properties } of users) {
      const { user } = await client.getUser({ id });
      if (isDeepStrictEqual(sorted(user?.properties), sorted(properties))) exact++;
    }
  };
  await Promise.all(Array.from({ length: concurrentReads }, reader));
  return exact;
}

/** Drops the order of keys and the prototypes, which mean nothing in a Struct. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return new Map(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
