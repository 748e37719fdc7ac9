/**
 * The CPU time of a call, of the server and its Redis together, against an older commit: `npm run bench -- against COMMIT`. Pairs
 * alternate, nine of them, and up to 25 while the 95 % interval is wider than 3 %.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startRedis } from "../../test/support/redis.ts";
import { batchShape, redisArgs } from "../conditions.ts";
import { LoadProcess } from "../load/load-process.ts";
import { median } from "../median.ts";
import { cpuSecondsOf, startRollcall } from "../processes.ts";
import { UsageError, wholeNumber } from "../usage.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { pairs: { type: "string", default: "9" }, "most-pairs": { type: "string", default: "25" } },
});
const [commit] = positionals;
if (commit === undefined) throw new UsageError("name the commit to measure against, as main~1");
const pairs = wholeNumber("pairs", values.pairs, 2);
const mostPairs = wholeNumber("most-pairs", values["most-pairs"], pairs);
/** Half of the width of the 95 % interval of the mean, from which on more pairs tell nothing new. */
const narrow = 0.03;
const users = 20_000;
const seconds = 2;
/** The 97.5th percentile of Student's t for 8 to 24 degrees of freedom lies between 2.31 and 2.06. */
const studentT = 2.2;

const root = new URL("../..", import.meta.url).pathname;
const checkout = mkdtempSync(join(tmpdir(), "rollcall-against-"));
const git = (...args: string[]) => execFileSync("git", ["-C", root, ...args], { stdio: ["ignore", "pipe", "inherit"] });

interface Side {
  readonly port: number;
  /** CPU time that the server and its Redis have used, in seconds. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

async function serve(main: string): Promise<Side> {
  const redis = await startRedis({ args: redisArgs });
  const server = await startRollcall(redis.url, [], [], main);
  return {
    port: server.port,
    cpuSeconds: () => cpuSecondsOf(server.pid) + cpuSecondsOf(redis.pid),
    async stop() {
      await server.stop();
      await redis.stop();
    },
  };
}

const load = new LoadProcess();
const unary = { kind: "unary", connections: 4, inFlight: 32, warmUpSeconds: 0, users } as const;
const batch = { kind: "batch", ...batchShape, from: 0, to: users } as const;
const kinds: Record<string, (port: number, seed: number) => Promise<number>> = {
  Identify: async (port, seed) => (await load.run({ ...unary, method: "Identify", port, seconds, seed })).calls,
  GetUser: async (port, seed) => (await load.run({ ...unary, method: "GetUser", port, seconds, seed })).calls,
  async BatchIdentify(port, seed) {
    let sent = 0;
    for (let value = 1; value <= 3; value++) {
      sent += (await load.run({ ...batch, port, value: 3 * seed + value })).users;
    }
    return sent;
  },
};

const sides: Side[] = [];
try {
  git("worktree", "add", "--quiet", "--detach", checkout, commit);
  symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
  for (const main of [join(checkout, "src/main.ts"), join(root, "src/main.ts")]) sides.push(await serve(main));
  // Fills the stores, and lets V8 compile what is called often.
  for (const { port } of sides) {
    await load.run({ ...batch, port, value: 0 });
    for (const run of Object.values(kinds)) await run(port, 0);
  }
  console.log(`| CPU a call against ${commit} | median | mean | 95 % interval | pairs | µs then | µs now |`);
  console.log("|---|--:|--:|--:|--:|--:|--:|");
  for (const [kind, run] of Object.entries(kinds)) {
    const costs: { readonly then: number; readonly now: number }[] = [];
    let interval = spreadOf([]);
    while (costs.length < pairs || (costs.length < mostPairs && interval > narrow)) {
      costs.push(await measurePair(run, costs.length));
      interval = spreadOf(costs.map(({ then, now }) => now / then));
    }
    const ratios = costs.map(({ then, now }) => now / then);
    const cells = [
      kind,
      median(ratios).toFixed(3),
      meanOf(ratios).toFixed(3),
      `± ${interval.toFixed(3)}`,
      costs.length,
      (1e6 * median(costs.map(({ then }) => then))).toFixed(1),
      (1e6 * median(costs.map(({ now }) => now))).toFixed(1),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
} finally {
  await load.stop();
  for (const side of sides) await side.stop();
  git("worktree", "remove", "--force", checkout);
  rmSync(checkout, { recursive: true, force: true });
}

/** The CPU seconds of one call on each side; which side comes first alternates. */
async function measurePair(run: (port: number, seed: number) => Promise<number>, pair: number) {
  const cost = [0, 0];
  for (const at of pair % 2 === 0 ? [0, 1] : [1, 0]) {
    const side = sides[at];
    if (side === undefined) throw new Error("a server has not been started");
    const before = side.cpuSeconds();
    const calls = await run(side.port, pair + 1);
    cost[at] = (side.cpuSeconds() - before) / calls;
  }
  const [then = 0, now = 0] = cost;
  return { then, now };
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/** Half of the width of the mean's 95 % interval. */
function spreadOf(ratios: readonly number[]): number {
  if (ratios.length < 2) return Number.POSITIVE_INFINITY;
  const mean = meanOf(ratios);
  const variance = ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0) / (ratios.length - 1);
  return studentT * Math.sqrt(variance / ratios.length);
}
