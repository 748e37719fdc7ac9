/**
 * Shows where the server's main thread spends its time, from V8's CPU profile: `npm run bench -- profile`. A load runs against
 * a server on Redis. The time of Node's own code counts for the part of the service that called it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startRedis } from "../../test/support/redis.ts";
import { batchShape, nodeFlags, redisArgs } from "../conditions.ts";
import { LoadProcess } from "../load/load-process.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const users = 100_000;
/** Microseconds of start and warm-up, which are not counted. */
const uncounted = 3_000_000;

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}
interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

const load = new LoadProcess();
try {
  const shape = { kind: "batch", ...batchShape, from: 0, to: users } as const;
  const unary = { kind: "unary", connections: 4, inFlight: 32, warmUpSeconds: 2, seconds: 6, users, seed: 1 } as const;
  const imported = async (port: number) => {
    for (let value = 1; value <= 12; value++) await load.run({ ...shape, port, value });
  };
  const parts = [
    ["BatchIdentify", await profile(imported)],
    ["Identify", await profile((port) => load.run({ ...unary, method: "Identify", port }))],
    ["GetUser", await profile((port) => load.run({ ...unary, method: "GetUser", port }))],
  ] as const;
  const names = [...new Set(parts.flatMap(([, shares]) => [...shares.keys()]))];
  const most = (name: string) => Math.max(...parts.map(([, shares]) => shares.get(name) ?? 0));
  console.log(`| where the time goes | ${parts.map(([what]) => what).join(" | ")} |`);
  console.log(`|---|${parts.map(() => "--:|").join("")}`);
  for (const name of names.toSorted((a, b) => most(b) - most(a))) {
    const cells = parts.map(([, shares]) => `${(100 * (shares.get(name) ?? 0)).toFixed(0)} %`);
    if (most(name) >= 0.01) console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
} finally {
  await load.stop();
}

/** The share of each part in the main thread's busy time while some work runs. */
async function profile(work: (port: number) => Promise<unknown>): Promise<Map<string, number>> {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-profile-"));
  const redis = await startRedis({ args: redisArgs });
  try {
    const flags = [...nodeFlags, "--cpu-prof", "--cpu-prof-dir", directory];
    const args = ["serve", "--listen", "127.0.0.1:0", "--store", redis.url, "--log-level", "error"];
    const child = spawn(process.execPath, [...flags, main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(createInterface({ input: child.stdout }), "line");
    const port = Number(/http:\/\/[\d.]+:(\d+)/.exec(String(line))?.[1]);
    await load.run({ kind: "batch", ...batchShape, port, from: 0, to: users, value: 0 });
    await work(port);
    child.kill("SIGTERM");
    await once(child, "exit");
    const [file] = readdirSync(directory);
    return sharesOf(JSON.parse(readFileSync(join(directory, file ?? ""), "utf8")));
  } finally {
    await redis.stop();
    rmSync(directory, { recursive: true });
  }
}

function sharesOf({ nodes, samples, timeDeltas }: Profile): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const times = new Map<string, number>();
  let passed = 0;
  let busy = 0;
  samples.forEach((id, index) => {
    const time = timeDeltas[index] ?? 0;
    passed += time;
    const name = byId.get(id)?.callFrame.functionName;
    if (passed < uncounted || name === "(idle)") return;
    const part = partOf(id, byId, callers);
    times.set(part, (times.get(part) ?? 0) + time);
    busy += time;
  });
  return new Map([...times].map(([part, time]) => [part, time / busy]));
}

/** The part of the service that a sample belongs to: the one that runs, or the nearest one that called it. */
function partOf(id: number, byId: ReadonlyMap<number, ProfileNode>, callers: ReadonlyMap<number, number>): string {
  const own = byId.get(id)?.callFrame;
  if (own?.functionName === "(garbage collector)") return "garbage collection";
  for (let at: number | undefined = id; at !== undefined; at = callers.get(at)) {
    const { url = "" } = byId.get(at)?.callFrame ?? {};
    const [, part] = /\/(node_modules\/(?:@[^/]+\/)?[^/]+|src\/(?:rpc\/grpc|\w+))\//.exec(url) ?? [];
    if (part !== undefined) return `\`${part.replace("node_modules/", "")}\``;
  }
  return own?.url.includes("http2") || own?.url.includes("stream")
    ? "Node's HTTP/2 and streams"
    : "Node's event loop, sockets and native code";
}
