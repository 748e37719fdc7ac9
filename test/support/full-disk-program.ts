/**
 * Fills the disk under an SQLite store and deletes its users: a program, run where there is little room (small-disk.ts). Prints
 * what became of it as JSON.
 *
 *     full-disk-program.ts FOLDER RESERVE_BYTES DISTINCT_USERS
 *     full-disk-program.ts FOLDER RESERVE_BYTES DISTINCT_USERS fill    and is killed then
 */
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { coalesce } from "../../src/store/lanes/coalescing-store.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { UserError } from "../../src/users/errors.ts";
import type { UserStore } from "../../src/users/store.ts";
import { command, deletion, edit, userId } from "./commands.ts";
import { administrationOf, switchIndexes } from "./stores.ts";
import { until } from "./until.ts";

const [folder = "", reserveBytes, distinct, task] = process.argv.slice(2);
const path = join(folder, "users.db");
const filler = join(folder, "filler");
const distinctUsers = Number(distinct);

/** What the store has told of its reserve. */
const told: string[] = [];

async function open(): Promise<UserStore> {
  const onReserve = ({ reserve }: { readonly reserve: string }) => told.push(reserve);
  const adapter = await openSqliteStore(path, { reserveBytes: Number(reserveBytes), onReserve });
  return coalesce(adapter, defaultServerLimits.maxWaitingBytes);
}

const reasonOf = (error: unknown) => (error instanceof UserError ? error.reason : String(error));
const outcomeOf = (work: Promise<readonly unknown[]>): Promise<unknown> => work.then(([result]) => result, reasonOf);

/** Writes users until there is no room, even for a small one. @returns why the last was refused */
async function fill(store: UserStore): Promise<unknown> {
  let refused: unknown;
  for (const characters of [50_000, 5_000, 10]) {
    refused = undefined;
    for (let n = 0; refused === undefined; n++) {
      const id = `${characters} ${n % distinctUsers}`;
      refused = await store
        .write([command(id, { email: `${id}@example.com`, text: `${n}`.padEnd(characters, "x") })])
        .then(() => undefined, reasonOf);
    }
  }
  return refused;
}

/** Takes room, as another program does: so much at most. */
function takeRoom(mostBytes: number): void {
  const file = openSync(filler, "a");
  const pieceBytes = 4_096;
  try {
    for (let bytes = 0; bytes < mostBytes; bytes += pieceBytes) writeSync(file, Buffer.alloc(pieceBytes));
  } catch {
    // There is no more.
  }
  closeSync(file);
}

async function deleteAll(store: UserStore): Promise<Record<string, number>> {
  const outcomes: Record<string, number> = {};
  for (;;) {
    const ids = await store.list(undefined, 100);
    if (ids.length === 0) return outcomes;
    const deleted = await Promise.all(ids.map((id) => outcomeOf(store.write([deletion(id)]))));
    for (const outcome of deleted) {
      const name = typeof outcome === "string" ? outcome : JSON.stringify(outcome);
      outcomes[name] = (outcomes[name] ?? 0) + 1;
    }
    if (Object.keys(outcomes).length > 1) return outcomes;
  }
}

async function becomes(store: UserStore, state: string): Promise<void> {
  await until(async () => {
    await store.check();
    return told.at(-1) === state;
  });
}

if (task === "fill") {
  takeRoom(2_000_000);
  const store = await open();
  const administration = await administrationOf(`sqlite:${path}`);
  await switchIndexes(administration, "email");
  await becomes(store, "kept");
  const refused = await fill(store);
  writeSync(1, JSON.stringify({ refused, isReserved: existsSync(`${path}.reserve`) }));
  process.kill(process.pid, "SIGKILL");
} else {
  const filled = spawnSync(process.execPath, [import.meta.filename, ...process.argv.slice(2), "fill"], {
    encoding: "utf8",
  });
  let store = await open();
  const together = [
    store.write([deletion("50000 0")]),
    store.write([command("another", { text: "x".repeat(50_000) })]),
    store.write([command("50000 2", { text: "changed" })]),
    store.write([deletion("50000 1")]),
  ];
  const [first, created, changed, second] = await Promise.all(together.map(outcomeOf));
  const unchanged = [false, true].map((hidesOutcome) =>
    store.write([edit("50000 2", { unset: ["absent"] }, { hidesOutcome, wantUser: false })]),
  );
  const [seen, hidden] = await Promise.all(unchanged.map(outcomeOf));
  const deleted = await deleteAll(store);
  const found = await store.get([userId("50000 0")]);
  const entries = await store.countEntries(new Uint8Array(), store.configuration()?.generation ?? 0);
  rmSync(filler, { force: true });
  await becomes(store, "kept");
  const afterwards = await outcomeOf(store.write([command("another", { n: 1 })]));
  const reserves = told.splice(0);
  await store.close();
  takeRoom(Number.POSITIVE_INFINITY);
  store = await open();
  const reopened = await outcomeOf(store.write([deletion("another")]));
  await store.close();
  const { stdout, stderr, signal } = filled;
  console.log(
    JSON.stringify({
      filled: { told: stdout, stderr, signal },
      ...{
        first,
        created,
        changed,
        second,
        unchanged: seen,
        hidden,
        deleted,
        found,
        entries,
        afterwards,
        reserves,
        reopened,
      },
    }),
  );
}
