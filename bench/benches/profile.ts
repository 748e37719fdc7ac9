/**
 * Shows where the server's main thread spends its time, from V8's CPU profile: `npm run bench -- profile`. A load runs against
 * a server on Redis. The time of Node's own code counts for the part of the service that called it. With `--functions`, also
 * the functions that take most time themselves.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { startRedis } from "../../test/support/redis.ts";
import { batchShape, nodeFlags, redisArgs } from "../conditions.ts";
import { LoadProcess } from "../load/load-process.ts";
import { wholeNumber } from "../usage.ts";

const { values } = parseArgs({ options: { http2: { type: "string" }, functions: { type: "string", default: "0" } } });
const functionsShown = wholeNumber("functions", values.functions, 0);

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const users = 100_000;
/** Microseconds of start and warm-up, which are not counted. */
const uncounted = 3_000_000;

/** Shares of the main thread's busy time. */
interface Shares {
  readonly parts: ReadonlyMap<string, number>;
  readonly functions: ReadonlyMap<string, number>;
}
interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}
interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
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
  const names = [...new Set(parts.flatMap(([, shares]) => [...shares.parts.keys()]))];
  const most = (name: string) => Math.max(...parts.map(([, shares]) => shares.parts.get(name) ?? 0));
  console.log(`| where the time goes | ${parts.map(([what]) => what).join(" | ")} |`);
  console.log(`|---|${parts.map(() => "--:|").join("")}`);
  for (const name of names.toSorted((a, b) => most(b) - most(a))) {
    const cells = parts.map(([, shares]) => `${(100 * (shares.parts.get(name) ?? 0)).toFixed(0)} %`);
    if (most(name) >= 0.01) console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
  for (const [what, { functions }] of functionsShown > 0 ? parts : []) {
    console.log(`\n| ${what}: the function itself | |\n|---|--:|`);
    for (const [name, share] of [...functions].sort(([, a], [, b]) => b - a).slice(0, functionsShown)) {
      console.log(`| ${name} | ${(100 * share).toFixed(1)} % |`);
    }
  }
} finally {
  await load.stop();
}

/** The shares of the main thread's busy time while some work runs. */
async function profile(work: (port: number) => Promise<unknown>): Promise<Shares> {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-profile-"));
  const redis = await startRedis({ args: redisArgs });
  try {
    const flags = [...nodeFlags, "--cpu-prof", "--cpu-prof-dir", directory];
    const layer = values.http2 === undefined ? [] : ["--http2", values.http2];
    const args = ["serve", "--listen", "127.0.0.1:0", "--store", redis.url, "--log-level", "error", ...layer];
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

function sharesOf({ nodes, samples, timeDeltas }: Profile): Shares {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const partTimes = new Map<string, number>();
  const functionTimes = new Map<string, number>();
  let passed = 0;
  let busy = 0;
  samples.forEach((id, index) => {
    const time = timeDeltas[index] ?? 0;
    passed += time;
    const name = byId.get(id)?.callFrame.functionName;
    if (passed < uncounted || name === "(idle)") return;
    for (const [times, key] of [
      [partTimes, partOf(id, byId, callers)],
      [functionTimes, functionOf(byId.get(id))],
    ] as const) {
      times.set(key, (times.get(key) ?? 0) + time);
    }
    busy += time;
  });
  const shares = (times: ReadonlyMap<string, number>) => new Map([...times].map(([key, time]) => [key, time / busy]));
  return { parts: shares(partTimes), functions: shares(functionTimes) };
}

function functionOf(node: ProfileNode | undefined): string {
  const { functionName = "", url = "", lineNumber = 0 } = node?.callFrame ?? {};
  const file = url.slice(url.lastIndexOf("/", url.lastIndexOf("/") - 1) + 1);
  return `\`${functionName || "(anonymous)"}\`${file === "" ? "" : ` ${file}:${lineNumber + 1}`}`;
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
