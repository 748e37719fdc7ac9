/** Runs one bench by its name: `npm run bench -- NAME`. */
import { UsageError } from "./usage.ts";

interface Bench {
  readonly options: string;
  readonly summary: string;
  /** Loading it runs it. */
  readonly run: () => Promise<unknown>;
}

const benches: Readonly<Record<string, Bench>> = {
  compare: {
    options: "[--quick] [--runs N] [--json FILE]",
    summary: "Rollcall against connect-node, grpc-js, grpc-go, Redis and SQLite; seven minutes, or two with --quick",
    run: () => import("./benches/compare.ts"),
  },
  http2: {
    options: "[--quick] [--runs N] [--json FILE]",
    summary:
      "Rollcall's own HTTP/2 against Node's, grpc-go, grpc-js and connect-node; ten minutes, or one with --quick",
    run: () => import("./benches/http2.ts"),
  },
  against: {
    options: "COMMIT [--pairs N] [--most-pairs N]",
    summary: "CPU time of a call of each kind against an older commit, in alternating pairs; four minutes",
    run: () => import("./benches/against.ts"),
  },
  parts: {
    options: "[--rounds N]",
    summary: "what each handwritten part saves against the library that could do its work; three minutes",
    run: () => import("./benches/parts.ts"),
  },
  growth: {
    options: "[--users N] [--runs N] [--json FILE]",
    summary: "cost of a user over users stored, properties, callers and message sizes; ten minutes, 8 GB of memory",
    run: () => import("./benches/growth.ts"),
  },
  profile: {
    options: "[--http2 own|node] [--functions N]",
    summary: "where the server's main thread spends its time",
    run: () => import("./benches/profile.ts"),
  },
  mixed: {
    options: "",
    summary: "latency of single calls while others import",
    run: () => import("./benches/mixed.ts"),
  },
  overload: {
    options: "[--runs N]",
    summary: "what happens to calls when a server gets more than it can serve; a minute and a half",
    run: () => import("./benches/overload.ts"),
  },
  memory: {
    options: "[--users N] [--starts N]",
    summary: "resident memory while users are imported, and the time from start to first answer",
    run: () => import("./benches/memory.ts"),
  },
  sweep: {
    options: "[--users N] [--indexes LIST]",
    summary:
      "the background work over all users, for a feature or for indexes: its time, how long it holds up Redis, and what callers notice",
    run: () => import("./benches/sweep.ts"),
  },
  sizing: {
    options: "[--users N]",
    summary: "bytes that a user takes in Redis' memory and in an SQLite file",
    run: () => import("./benches/sizing.ts"),
  },
  import: {
    options: "[--count N]",
    summary: "rollcall import of a file, twice, read back and compared",
    run: () => import("./benches/import.ts"),
  },
  scripts: {
    options: "[--runs N]",
    summary: "how long one script call blocks Redis",
    run: () => import("./benches/scripts.ts"),
  },
  indexes: {
    options: "[--users N] [--runs N] [--stores NAMES]",
    summary: "what one index and eight cost imports and changes, on Redis and on SQLite; eight minutes",
    run: () => import("./benches/indexes.ts"),
  },
  find: {
    options: "[--users N] [--runs N] [--stores NAMES]",
    summary: "FindUsers by e-mail beside GetUser, on one Redis, on a cluster and on SQLite; ten minutes",
    run: () => import("./benches/find.ts"),
  },
  move: {
    options: "[--users N] [--runs N]",
    summary: "how long a partition and its new users wait while a Redis Cluster moves its slot",
    run: () => import("./benches/move.ts"),
  },
  charts: {
    options: "[--compare FILE] [--growth FILE]",
    summary: "draws docs/performance/*.svg from what compare and growth wrote with --json",
    run: () => import("./benches/charts.ts"),
  },
};

const help = [
  "Usage: npm run bench -- NAME [options]",
  "",
  ...Object.entries(benches).map(([name, { options, summary }]) => `  ${`${name} ${options}`.padEnd(46)}${summary}`),
].join("\n");

const [name = "", ...args] = process.argv.slice(2);
const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
if (name === "--help" || args.includes("--help")) console.log(help);
else if (bench === undefined) {
  console.error(name === "" ? help : `there is no bench ${name}; the names are ${Object.keys(benches).join(", ")}`);
  process.exitCode = 2;
} else {
  // A bench reads its own options, as if it had been started by itself.
  process.argv.splice(2, 1);
  try {
    await bench.run();
  } catch (error) {
    if (!isUsage(error)) throw error;
    console.error(`npm run bench -- ${name} ${bench.options}: ${error.message}`);
    process.exitCode = 2;
  }
}

function isUsage(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}
