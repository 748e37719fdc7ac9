/**
 * Measures what indexes cost the writes, on Redis and on SQLite: `npm run bench -- indexes`. Servers without an index, with one and
 * with eight are measured in turn, each on a new store; figures are medians of several runs, ratios those within a run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startRedis } from "../../test/support/redis.ts";
import { batchShape, redisArgs } from "../conditions.ts";
import { indexesReady } from "../indexes-ready.ts";
import { LoadProcess } from "../load/load-process.ts";
import { median } from "../median.ts";
import { cpuSecondsOf, startRollcall } from "../processes.ts";
import { UsageError, wholeNumber } from "../usage.ts";

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "100000" },
    runs: { type: "string", default: "5" },
    stores: { type: "string", default: "redis,sqlite" },
  },
});
const users = wholeNumber("users", values.users);
const runs = wholeNumber("runs", values.runs);

/** The changed property, `last_seen`, is one of the eight. A company is an object, and has no entries. */
const contestants = {
  none: [],
  "email:fold": ["--indexes", "email:fold"],
  eight: ["--indexes", "email:fold,name:fold,plan,country,company,login_count,newsletter,last_seen"],
} as const;
type Contestant = keyof typeof contestants;
const names: readonly Contestant[] = ["none", "email:fold", "eight"];

const kinds = [
  "first import",
  "another property changed, in batches",
  "another property changed, by Identify",
] as const;
type Kind = (typeof kinds)[number];

interface Cost {
  readonly perSecond: number;
  /** CPU time of the server and of Redis for each user, in microseconds. */
  readonly serverCpu: number;
  readonly redisCpu: number;
}

const load = new LoadProcess();
const directory = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
try {
  console.log("| store | writes | indexes | users a second | ÷ none | server µs | Redis µs | CPU ÷ none |");
  console.log("|---|---|---|--:|--:|--:|--:|--:|");
  for (const store of values.stores.split(",")) {
    if (store !== "redis" && store !== "sqlite") throw new UsageError(`--stores: there is no store ${store}`);
    const measured: Record<Contestant, Record<Kind, Cost>[]> = { none: [], "email:fold": [], eight: [] };
    for (let run = 0; run < runs; run++) {
      for (const name of run % 2 === 0 ? names : names.toReversed()) {
        measured[name].push(store === "redis" ? await onRedis(name) : await onSqlite(name, run));
      }
    }
    for (const kind of kinds)
      for (const name of names) printRow(store === "redis" ? "Redis" : "SQLite", kind, name, measured);
  }
} finally {
  await load.stop();
  rmSync(directory, { recursive: true });
}

async function onRedis(name: Contestant): Promise<Record<Kind, Cost>> {
  const redis = await startRedis({ args: redisArgs });
  try {
    return await measure(redis.url, name, redis.pid);
  } finally {
    await redis.stop();
  }
}

function onSqlite(name: Contestant, run: number): Promise<Record<Kind, Cost>> {
  return measure(`sqlite:${join(directory, `${names.indexOf(name)}-${run}.db`)}`, name, undefined);
}

async function measure(store: string, name: Contestant, redisPid: number | undefined): Promise<Record<Kind, Cost>> {
  const server = await startRollcall(store, contestants[name]);
  const { port } = server;
  const cpu = () => ({ server: cpuSecondsOf(server.pid), redis: redisPid === undefined ? 0 : cpuSecondsOf(redisPid) });
  /** @param work resolves with how many users it has written; if it calls `begin`, measuring starts there */
  const costOf = async (work: (begin: () => void) => Promise<number>): Promise<Cost> => {
    let [before, start] = [cpu(), performance.now()];
    const count = await work(() => {
      [before, start] = [cpu(), performance.now()];
    });
    const [after, seconds] = [cpu(), (performance.now() - start) / 1_000];
    return {
      perSecond: count / seconds,
      serverCpu: ((after.server - before.server) / count) * 1e6,
      redisCpu: ((after.redis - before.redis) / count) * 1e6,
    };
  };
  const batch = async (value: number) => {
    const { failed } = await load.run({ kind: "batch", ...batchShape, from: 0, to: users, value, port });
    if (failed > 0) throw new Error(`${failed} users were refused`);
    return users;
  };
  const unary = { kind: "unary", method: "Identify", connections: 4, inFlight: 32, users } as const;
  try {
    if (name !== "none") await indexesReady(port);
    return {
      "first import": await costOf(() => batch(0)),
      "another property changed, in batches": await costOf(() => batch(1)),
      "another property changed, by Identify": await costOf(
        async (begin) => (await load.run({ ...unary, port, warmUpSeconds: 0.5, seconds: 2, seed: 1 }, begin)).calls,
      ),
    };
  } finally {
    await server.stop();
  }
}

function printRow(
  store: string,
  kind: Kind,
  name: Contestant,
  measured: Readonly<Record<Contestant, readonly Record<Kind, Cost>[]>>,
): void {
  const costs = measured[name].map((each) => each[kind]);
  const total = ({ serverCpu, redisCpu }: Cost) => serverCpu + redisCpu;
  const ratio = (figure: (cost: Cost) => number) =>
    median(costs.map((cost, run) => figure(cost) / figure(measured.none[run]?.[kind] ?? cost))).toFixed(2);
  const cells = [
    median(costs.map(({ perSecond }) => perSecond)).toFixed(0),
    ratio(({ perSecond }) => perSecond),
    median(costs.map(({ serverCpu }) => serverCpu)).toFixed(1),
    store === "Redis" ? median(costs.map(({ redisCpu }) => redisCpu)).toFixed(1) : "",
    ratio(total),
  ];
  console.log(`| ${store} | ${kind} | ${name} | ${cells.join(" | ")} |`);
}
