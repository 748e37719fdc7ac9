/**
 * Imports a million users as people do, and looks at what became of them: `npm run test:suite -- imports`. Fails if an import takes
 * more than half as long again as the same users take when they need only be sent, if the importer takes more memory than
 * it should, or if one that was killed five times, or whose server was restarted, ends otherwise than a clean one.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { memoryOf, type ServerProcess, startRollcall as startServer } from "../../bench/processes.ts";
import { startRollcall } from "../support/processes.ts";
import { seededRandom } from "../support/random.ts";
import { writeCsv, writeMessages, writeNdjson } from "./files.ts";
import { badEvery } from "./rows.ts";

const { values } = parseArgs({
  options: { users: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } },
});
const users = Number(values.users);
const seed = Number(values.seed);
if (!Number.isInteger(users) || users < badEvery) throw new Error(`--users: expected a number from ${badEvery}`);
const failing = Math.floor(users / badEvery);
const kills = 5;
const maxMiB = 150;
const maxRatio = 1.5;
const sampleIntervalMs = 100;

const directory = mkdtempSync(join(tmpdir(), "rollcall-imports-"));
const path = (name: string) => join(directory, name);
let failed = 0;
try {
  await writeNdjson(path("users.ndjson"), users, seed);
  await writeCsv(path("users.csv"), users, seed);
  await writeMessages(path("messages"), users, seed);
  await withServer("first", compileAll);
  console.log("| what | seconds | of the raw stream | users/s | importer's peak MiB | users as in a clean import | |");
  console.log("|---|--:|--:|--:|--:|--:|---|");

  const rawSeconds = await withServer("raw", rawLoad);
  row("messages that need only be sent", { seconds: rawSeconds });
  const clean = await withServer("clean", (server) => importOnce(server, "users.ndjson"));
  row("NDJSON", { ...clean, ratio: clean.seconds / rawSeconds, same: same("raw") });
  const csv = await withServer("csv", (server) => importOnce(server, "users.csv", "--type", "*=json"));
  row("CSV", { ...csv, ratio: csv.seconds / rawSeconds, same: same("csv") });
  const random = seededRandom(seed);
  const killed = await withServer("killed", async (server) => {
    const start = performance.now();
    for (let kill = 0; kill < kills; kill++) {
      const running = startImport(server, "users.ndjson", ...(kill > 0 ? ["--resume"] : []));
      await pause(((0.2 + random()) * clean.seconds * 1_000) / (kills + 2));
      running.kill("SIGKILL");
      await once(running, "close");
    }
    const last = await importOnce(server, "users.ndjson", "--resume");
    return { ...last, seconds: (performance.now() - start) / 1_000 };
  });
  row(`NDJSON, killed ${kills} times and resumed`, { ...killed, same: same("killed") });
  row("NDJSON, server killed and restarted", { ...(await restarted(clean.seconds)), same: same("restarted") });
} finally {
  rmSync(directory, { recursive: true });
}
console.log(`\n${5 - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

interface Imported {
  readonly seconds: number;
  readonly peakMiB?: number;
  readonly ratio?: number;
  /** Users that are byte by byte as in the clean import. */
  readonly same?: number;
}

function row(what: string, { seconds, ratio, peakMiB, same: alike }: Imported): void {
  const isWrong =
    (ratio ?? 0) > maxRatio || (peakMiB ?? 0) > maxMiB || (alike !== undefined && alike !== users - failing);
  if (isWrong) failed++;
  const cells = [
    what,
    seconds.toFixed(1),
    ratio?.toFixed(2) ?? "",
    Math.round(users / seconds),
    peakMiB?.toFixed(0) ?? "",
    alike ?? "",
    isWrong ? "failed" : "passed",
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

async function withServer<Result>(name: string, work: (server: ServerProcess) => Promise<Result>): Promise<Result> {
  const server = await startServer(`sqlite:${path(`${name}.db`)}`);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

async function rawLoad(server: ServerProcess): Promise<number> {
  const program = new URL("./raw-load.ts", import.meta.url).pathname;
  const load = spawn(process.execPath, [program, path("messages"), String(server.port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [text] = await Promise.all([load.stdout.setEncoding("utf8").toArray(), once(load, "close")]);
  const told: { users: number; seconds: number } = JSON.parse(text.join(""));
  if (told.users !== users) throw new Error(`${told.users} users were answered`);
  return told.seconds;
}

/** Has what an import needs compiled and kept: in a package it is, and the compiler takes 20 MiB. */
async function compileAll(server: ServerProcess): Promise<void> {
  await writeNdjson(path("few.ndjson"), badEvery, seed);
  await writeCsv(path("few.csv"), badEvery, seed);
  for (const file of ["few.ndjson", "few.csv"]) await once(startImport(server, file), "close");
}

function startImport({ port }: { readonly port: number }, file: string, ...more: string[]) {
  const words = ["import", path(file), "--server", `http://127.0.0.1:${port}`, "--json", ...more];
  const running = startRollcall(words);
  running.stderr?.resume();
  return running;
}

/** Imports to the end, and checks what the summary says. */
async function importOnce(server: { readonly port: number }, file: string, ...more: string[]): Promise<Imported> {
  const start = performance.now();
  const running = startImport(server, file, ...more);
  let peakMiB = 0;
  const sampling = setInterval(() => {
    const { residentMiB } = memoryOf(running.pid ?? 0);
    // Not of a process that has just ended.
    if (Number.isFinite(residentMiB)) peakMiB = Math.max(peakMiB, residentMiB);
  }, sampleIntervalMs);
  let text = "";
  running.stdout?.on("data", (piece) => {
    text += piece;
  });
  await once(running, "close");
  clearInterval(sampling);
  const summary: { users: number; failed: number; rejected: string } = JSON.parse(text);
  if (summary.users !== users || summary.failed !== failing) throw new Error(`the import says ${text}`);
  const rejected = readFileSync(summary.rejected, "utf8").trim().split("\n");
  if (rejected.length !== failing) throw new Error(`${rejected.length} rows are in ${summary.rejected}`);
  rmSync(summary.rejected);
  return { seconds: (performance.now() - start) / 1_000, peakMiB };
}

/** Kills the server in the middle, and starts it again where it was. */
async function restarted(cleanSeconds: number): Promise<Imported> {
  const store = `sqlite:${path("restarted.db")}`;
  const first = await startServer(store);
  const importing = importOnce(first, "users.ndjson");
  await pause((cleanSeconds * 1_000) / 2);
  process.kill(first.pid, "SIGKILL");
  await first.stop();
  const second = await startServer(store, ["--listen", `127.0.0.1:${first.port}`]);
  try {
    return await importing;
  } finally {
    await second.stop();
  }
}

/** How many users of a database are, byte by byte, as in the clean import's, which has no others. */
function same(name: string): number {
  const database = new DatabaseSync(path("clean.db"));
  database.exec(`ATTACH '${path(`${name}.db`)}' AS other`);
  const count = (sql: string) => Number(database.prepare(sql).get()?.["count"]);
  const alike = count(
    "SELECT count(*) AS count FROM main.user JOIN other.user AS there USING (id) WHERE main.user.properties = there.properties",
  );
  const there = count("SELECT count(*) AS count FROM other.user");
  database.close();
  return alike === there ? alike : -1;
}
