/** What `rollcall verify` says of indexes in SQLite. */
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import type { StoreAdapter } from "../../src/store/adapter.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { openSqliteVerifier } from "../../src/store/sqlite/verify.ts";
import type { Finding } from "../../src/store/verify/verifier.ts";
import { entryOf } from "../../src/users/indexes/entries.ts";
import { openBesideStore } from "../support/beside-store.ts";
import { command, deletion } from "../support/commands.ts";
import { temporaryFolder } from "../support/files.ts";
import { below, seededRandom } from "../support/random.ts";
import { administrationOf, switchIndexes } from "../support/stores.ts";
import { canonical } from "../support/struct.ts";
import { sweepAll } from "../support/sweep-all.ts";

let path: string;
let store: StoreAdapter;
beforeEach(async () => {
  path = join(temporaryFolder(), "users.db");
  store = await openSqliteStore(path);
  onTestFinished(() => store.close());
});

async function indexes(text: string): Promise<void> {
  const administration = await administrationOf(`sqlite:${path}`);
  onTestFinished(() => administration.close());
  await switchIndexes(administration, text);
  await store.check();
}

async function sweep(): Promise<void> {
  await sweepAll(store);
  await store.check();
}

/** Something that another program does. */
function run(statement: string, ...parameters: (string | Uint8Array)[]): void {
  const database = openBesideStore(path, { defensive: false });
  database.prepare(statement).run(...parameters);
  database.close();
}

async function findings(): Promise<string[]> {
  const verifier = openSqliteVerifier(path);
  const found: Finding[] = [];
  for await (const slice of verifier.walk()) found.push(...slice.findings);
  verifier.close();
  return found.map(({ id, check, problem }) => `${Buffer.from(id)} (${check}) ${problem}`).toSorted();
}

const text = (value: string) => Buffer.from(`\x03${value}\0\x01`);

test("users without their entries are named, and entries without their users", async () => {
  const ids = Array.from({ length: 1_200 }, (_, n) => `user ${n}`);
  await store.write(ids.map((id) => command(id, { email: id, plan: "pro" }, { wantUser: false })));
  await indexes("email,plan");
  expect(await findings()).toEqual([]);
  await sweep();
  expect(await findings()).toEqual([]);

  const entry = (number: number, value: string, id: string) => entryOf(number, text(value), id);
  run("DELETE FROM entry WHERE entry = ?", entry(1, "user 3", "user 3"));
  run("INSERT INTO entry VALUES (?)", entry(1, "another", "user 4"));
  run("INSERT INTO entry VALUES (?)", entry(2, "pro", "nobody"));
  run("INSERT INTO entry VALUES (?)", entry(3, "pro", "user 5"));
  run("INSERT INTO entry VALUES (?)", Buffer.from("foreign"));
  run("UPDATE user SET properties = ? WHERE id = 'user 6'", canonical({ email: "user 6", plan: "free" }));
  const broken = "has a broken seal: a server wrote it that does not know the store's features";
  run("UPDATE user SET properties = ?, etag = 'x' WHERE id = 'user 7'", canonical({ email: "other" }));
  run("UPDATE user SET properties = ? WHERE id = 'user 8'", Buffer.from("no Struct"));
  expect(await findings()).toEqual(
    [
      "user 3 (entries) has no entry in the index of email",
      "user 4 (entries) has an entry in the index of email that is not its value",
      "nobody (entries) has an entry in an index, and there is no such user",
      "user 5 (entries) has an entry in an index that does not exist (number 3)",
      "entry (entries) has a row that is not Rollcall's",
      "user 6 (entries) has no entry in the index of plan",
      "user 6 (entries) has an entry in the index of plan that is not its value",
      `user 7 (seal) ${broken}`,
      "user 8 (properties) has properties that are no canonical Struct within the limits",
    ].toSorted(),
  );
});

test("while an index is built or dropped, nothing is wrong with users that lack entries or still have them", async () => {
  await store.write(["a", "b", "c"].map((id) => command(id, { email: id })));
  await indexes("email");
  await store.write([command("a", { email: "x" })]);
  expect(await findings()).toEqual([]);
  await sweep();
  await indexes("plan");
  await store.write([command("a", { email: "y" }), deletion("b")]);
  expect(await findings()).toEqual([]);
});

test("nothing is wrong with users that are written meanwhile", async () => {
  await indexes("email,plan:fold");
  await sweep();
  const random = seededRandom(3);
  const id = () => `user ${below(random, 2_000)}`;
  const write = () =>
    store.write([
      ...Array.from({ length: 60 }, (_, n) => command(id(), { email: `${random()}`, plan: `${n % 3}` })),
      ...Array.from({ length: 20 }, () => deletion(id(), { allowMissing: true })),
    ]);
  for (let n = 0; n < 30; n++) await write();
  const verifier = openSqliteVerifier(path);
  onTestFinished(() => verifier.close());
  let slices = 0;
  for await (const slice of verifier.walk()) {
    expect(slice.findings).toEqual([]);
    await write();
    slices++;
  }
  expect(slices).toBeGreaterThan(8);
});

test("a table for entries that is missing, foreign or left over is named, and so is the way back", async () => {
  const create = "CREATE TABLE entry (entry BLOB PRIMARY KEY) STRICT, WITHOUT ROWID";
  run(create);
  expect(await findings()).toEqual(["entry (layout) is a table for entries of indexes, and the store has no index"]);
  run("DROP TABLE entry");
  await store.write([command("a", { email: "a" })]);
  await indexes("email");
  await sweep();
  run("DROP TABLE entry");
  expect(await findings()).toEqual(["entry (layout) is missing: drop all indexes, and set them again"]);
  run("CREATE TABLE entry (entry BLOB PRIMARY KEY, note TEXT) WITHOUT ROWID");
  expect(await findings()).toEqual([
    "entry (layout) is not as Rollcall makes it: remove it, drop all indexes, and set them again",
    "entry.note (layout) is a column that is not Rollcall's",
  ]);
  await expect(indexes("email,plan")).rejects.toThrow('another program has a table "entry"');
  run("DROP TABLE entry");
  // The index would be empty, and ready.
  await expect(indexes("email,plan")).rejects.toThrow("drop all indexes, and set them again");
  await indexes("");
  await sweep();
  await indexes("email");
  await sweep();
  expect(await findings()).toEqual([]);
  expect(store.configuration()?.indexes).toMatchObject([{ property: "email", state: "ready" }]);
});
