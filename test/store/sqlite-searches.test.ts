/** What SQLite answers besides users: entries of indexes, and how many there are of them and of users. */
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { tellingDamaged } from "../../src/store/damaged-records.ts";
import { coalesce } from "../../src/store/lanes/coalescing-store.ts";
import { PackedReader } from "../../src/store/packed/buffer.ts";
import { packCommands } from "../../src/store/packed/packed.ts";
import { UserDatabase } from "../../src/store/sqlite/database.ts";
import { CorruptError } from "../../src/store/sqlite/failures.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { isDamaged } from "../../src/users/damaged.ts";
import { createEtagSource } from "../../src/users/etag.ts";
import { requiredProperties } from "../../src/users/identify.ts";
import { entryPrefix } from "../../src/users/indexes/entries.ts";
import { createUserRegistry } from "../../src/users/registry.ts";
import type { WriteCommand } from "../../src/users/store.ts";
import { openBesideStore } from "../support/beside-store.ts";
import { command, deletion } from "../support/commands.ts";
import { temporaryFolder } from "../support/files.ts";
import { below, oneOf, seededRandom } from "../support/random.ts";
import { administrationOf, switchIndexes } from "../support/stores.ts";
import { encode, valueBytes } from "../support/struct.ts";
import { sweepAll } from "../support/sweep-all.ts";

const number = 1;
const prefix = entryPrefix(number);

/** A store whose first index is of `email`. */
async function indexed() {
  const path = join(temporaryFolder(), "users.db");
  const store = await openSqliteStore(path);
  onTestFinished(() => store.close());
  const administration = await administrationOf(`sqlite:${path}`);
  onTestFinished(() => administration.close());
  const indexes = async (text: string) => {
    await switchIndexes(administration, text);
    await store.check();
  };
  await indexes("email");
  await sweepAll(store);
  await store.check();
  const generation = () => store.configuration()?.generation ?? -1;
  return { path, store, indexes, generation };
}

/** Beside the store, as another program. */
function beside(path: string) {
  const database = openBesideStore(path);
  onTestFinished(() => database.close());
  return database;
}

/** Users, written by another program: `from` to `to`. */
function addUsers(path: string, from: number, to: number): void {
  beside(path)
    .prepare(
      `WITH RECURSIVE n (n) AS (SELECT ? UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?)
       INSERT INTO user (id, created_at, updated_at, etag, properties) SELECT printf('user %06d', n), 1, 1, 'e', x'' FROM n`,
    )
    .run(from, to);
}

test("entries come in their order, page by page, from any place on", async () => {
  const { store, generation } = await indexed();
  const users = Array.from({ length: 250 }, (_, n) => ({ id: `user ${n}`, email: `${n % 7}` }));
  await store.write(users.map(({ id, email }) => command(id, { email })));
  const expected = users
    .toSorted((a, b) => (a.email === b.email ? (a.id < b.id ? -1 : 1) : a.email < b.email ? -1 : 1))
    .map(({ id }) => id);
  for (const count of [1, 7, 100, 249, 250, 251, 1_000]) {
    const seen: string[] = [];
    let after: Uint8Array | undefined;
    for (;;) {
      const found = await store.entries({ prefix, after }, count, generation());
      const last = found?.at(-1);
      if (found === undefined || last === undefined) break;
      seen.push(...found.map(({ id }) => id));
      after = Buffer.concat([entryPrefix(number, last.value), Buffer.from(last.id)]);
      if (found.length < count) break;
    }
    expect(seen).toEqual(expected);
  }
});

test("entries that are not Rollcall's are left out, and no page is short because of them", async () => {
  const { path, store, generation } = await indexed();
  await store.write(["a", "b", "c"].map((id) => command(id, { email: id })));
  const insert = beside(path).prepare("INSERT INTO entry VALUES (?)");
  for (const foreign of ["\x03aa", "\x03b\0\x01\n", "\x04", "\x01"])
    insert.run(Buffer.concat([prefix, Buffer.from(foreign)]));
  const found = await store.entries({ prefix, after: undefined }, 3, generation());
  expect(found?.map(({ id }) => id)).toEqual(["a", "b", "c"]);
});

test("nothing is found under another configuration than the store's", async () => {
  const { store, indexes, generation } = await indexed();
  await store.write([command("u", { email: "a" })]);
  const known = generation();
  const ask = async (of: number) => [
    (await store.entries({ prefix, after: undefined }, 10, of))?.length,
    await store.countEntries(prefix, of),
  ];
  expect(await ask(known)).toEqual([1, 1]);
  expect(await ask(known - 1)).toEqual([undefined, undefined]);
  expect(await ask(known + 1)).toEqual([undefined, undefined]);
  await indexes("email,plan");
  expect(await ask(known)).toEqual([undefined, undefined]);
  await sweepAll(store);
  expect(await ask(known + 1)).toEqual([undefined, undefined]);
  expect(await ask(known + 2)).toEqual([1, 1]);
});

test("the configuration that another process changes counts at once", async () => {
  const { path, store, generation } = await indexed();
  await store.write([command("u", { email: "a" })]);
  const known = generation();
  const administration = await administrationOf(`sqlite:${path}`);
  onTestFinished(() => administration.close());
  await switchIndexes(administration, "plan");
  expect(await store.entries({ prefix, after: undefined }, 10, known)).toBeUndefined();
  expect(generation()).toBe(known + 1);
});

test("searches at the same time are answered each for itself, also those that find much", async () => {
  const { store: adapter, generation } = await indexed();
  const store = coalesce(adapter, defaultServerLimits.maxWaitingBytes);
  const ids = Array.from({ length: 1_500 }, (_, n) => `user ${n}`);
  await store.write(ids.map((id, n) => command(id, { email: `${n % 3}` }, { wantUser: false })));
  const search = (text: string, count: number, of = generation()) =>
    store.entries({ prefix: entryPrefix(number, Buffer.from(`\x03${text}`)), after: undefined }, count, of);
  const found = await Promise.all([
    ...["0", "1", "2"].map((text) => search(text, 1_000)),
    ...Array.from({ length: 120 }, (_, n) => search(`${n % 3}`, (n % 4) + 1)),
    search("3", 10),
    search("0", 10, generation() - 1),
  ]);
  expect(found.slice(0, 3).map((users) => users?.length)).toEqual([500, 500, 500]);
  for (const [n, users] of found.slice(3, 123).entries()) {
    expect(users?.map(({ id }) => Number(id.slice("user ".length)) % 3)).toEqual(Array((n % 4) + 1).fill(n % 3));
  }
  expect(found.slice(123)).toEqual([[], undefined]);
  expect(await Promise.all([store.count(), store.count(), store.progress()])).toEqual([
    ids.length,
    ids.length,
    { done: ids.length, total: ids.length },
  ]);
});

test("users are read with their entries, as many as fit", async () => {
  const { store, generation } = await indexed();
  const ids = Array.from({ length: 60 }, (_, n) => `user ${n}`);
  await store.write(ids.map((id) => command(id, { email: "a", notes: "x".repeat(8_000) })));
  const found = (await store.entries({ prefix, after: undefined }, 100, generation())) ?? [];
  expect(found).toHaveLength(ids.length);
  const read = found.filter(({ user }) => user !== undefined);
  expect(read).toHaveLength(33);
  expect(read.map(({ user }) => user)).toEqual(await store.get(read.map(({ id }) => id)));
});

test("damaged users that are read with their entries are reported", async () => {
  const { path, store: adapter, generation } = await indexed();
  const told: unknown[] = [];
  const store = tellingDamaged(adapter, (part, count) => told.push({ part, count }));
  await store.write(["a", "b", "c"].map((id) => command(id, { email: "e" })));
  beside(path).prepare("UPDATE user SET preferences = x'ff' WHERE id <> 'b'").run();
  const found = await store.entries({ prefix, after: undefined }, 10, generation());
  expect(found?.map(({ user }) => isDamaged(user))).toEqual([true, false, true]);
  expect(told).toEqual([{ part: "preferences", count: 2 }]);
});

test("a search that meets a damaged part of the file fails alone", async () => {
  const { store: adapter, generation } = await indexed();
  const damaged = entryPrefix(number, Buffer.from("\x03damaged"));
  const store = coalesce(
    {
      ...adapter,
      async entries(range, count, of) {
        if (range.prefix === damaged) throw new CorruptError("database disk image is malformed");
        return adapter.entries(range, count, of);
      },
    },
    defaultServerLimits.maxWaitingBytes,
  );
  const results = await Promise.allSettled(
    [prefix, damaged, prefix].map((each) => store.entries({ prefix: each, after: undefined }, 1, generation())),
  );
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("entries are counted by any beginning, also more than are counted at a time", async () => {
  const { path, store, generation } = await indexed();
  beside(path)
    .prepare(
      `WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 59999)
       INSERT INTO entry SELECT CAST(x'000103' || printf('%05d', n) || x'0001' || 'u' AS BLOB) FROM n`,
    )
    .run();
  const starting = (text: string) => store.countEntries(entryPrefix(number, Buffer.from(`\x03${text}`)), generation());
  expect(await store.countEntries(prefix, generation())).toBe(60_000);
  expect(await starting("0")).toBe(10_000);
  expect(await starting("29")).toBe(1_000);
  expect(await starting("7")).toBe(0);
  expect(await store.countEntries(entryPrefix(2), generation())).toBe(0);
});

/** The database itself, which counts in pieces, and how many users are really there. */
function openDatabase() {
  const path = join(temporaryFolder(), "users.db");
  const database = new UserDatabase(path, () => 1);
  onTestFinished(() => database.close());
  return {
    path,
    database,
    write: (...commands: WriteCommand[]) => database.write(packCommands(commands)),
    /** Counts a piece. @returns the number once there is one */
    ask() {
      const reader = new PackedReader(database.search("count", Buffer.alloc(0)));
      return reader.u8() === 1 ? reader.u64() : undefined;
    },
    real: () => Number(beside(path).prepare("SELECT count(*) AS users FROM user").get()?.["users"]),
  };
}

test("users are counted once, in pieces, and writes meanwhile count wherever they are", () => {
  const { path, write, ask, real } = openDatabase();
  addUsers(path, 0, 160_000);
  const random = seededRandom(1);
  const id = () => `user ${String(below(random, 320_000) / 2).padStart(6, "0")}`;
  let pieces = 0;
  for (let users = ask(); users === undefined; users = ask()) {
    pieces++;
    write(...Array.from({ length: 50 }, () => command(id(), { n: 1 })));
    write(...Array.from({ length: 50 }, () => deletion(oneOf(random, [id, id])(), { allowMissing: true })));
  }
  expect(pieces).toBeGreaterThan(2);
  expect(ask()).toBe(real());
  write(deletion("user 000001", { allowMissing: true }), command("another", { n: 1 }), command("another", { n: 2 }));
  expect(ask()).toBe(real());
});

test("the number of users is right after a transaction that was rolled back", () => {
  const { database, write, ask } = openDatabase();
  write(command("a", { n: 1 }), command("b", { n: 1 }));
  expect(ask()).toBe(2);
  const pages = Number(database.pragma("page_count"));
  database.pragma(`max_page_count = ${pages + 2}`);
  expect(() => write(deletion("b"), deletion("a"), command("c", { text: "x".repeat(60_000) }))).toThrow("full");
  expect(ask()).toBe(2);
  expect(() => write(command("c", { n: 1 }), command("d", { text: "x".repeat(60_000) }))).toThrow("full");
  expect(ask()).toBe(2);
  write(deletion("a"));
  expect(ask()).toBe(1);
});

test("the number of users is right after another process has written, whenever it does", () => {
  const { path, write, ask, real } = openDatabase();
  expect(ask()).toBe(0);
  addUsers(path, 0, 55_000);
  expect(ask()).toBeUndefined();
  addUsers(path, 55_000, 60_000);
  for (let users = ask(); users === undefined; users = ask());
  expect(ask()).toBe(60_000);
  addUsers(path, 60_000, 60_001);
  write(command("u", { n: 1 }));
  // Another process that writes again and again does not keep it from an answer.
  let users: number | undefined;
  for (let n = 1; users === undefined; n++) {
    addUsers(path, 60_000 + n, 60_001 + n);
    users = ask();
  }
  expect(users).toBe(real());
});

test("FindUsers and CountUsers follow a change of the indexes that another process makes", async () => {
  const { path, store: adapter } = await indexed();
  const registry = createUserRegistry({
    store: coalesce(adapter, defaultServerLimits.maxWaitingBytes),
    required: requiredProperties([]),
    drawEtag: createEtagSource(),
  });
  const administration = await administrationOf(`sqlite:${path}`);
  onTestFinished(() => administration.close());
  const identify = (id: string, properties: JsonObject) =>
    registry.identify({
      id: Buffer.from(id),
      properties: [encode(properties)],
      setOnce: [],
      unset: [],
      validateOnly: false,
    });
  const search = async (property: string, text: string) => {
    const match = { property: Buffer.from(property), equals: [Buffer.from(valueBytes(text), "hex")] };
    const { users } = await registry.find({ match, pageSize: 0, pageToken: "", onlyProperties: [] }, () => 0);
    expect(await registry.count({ match })).toBe(users.length);
    return users.map(({ id }) => id);
  };
  await identify("a", { email: "One", plan: "pro" });
  await identify("b", { email: "one", plan: "pro" });
  expect(await search("email", "one")).toEqual(["b"]);
  await switchIndexes(administration, "email:fold,plan");
  // The index without folding is gone, and the other one does not hold all users yet.
  const progress = { users_done: "0", users_total: "2" };
  await expect(search("email", "one")).rejects.toMatchObject({ reason: "INDEX_NOT_READY", metadata: progress });
  await identify("c", { email: "ONE", plan: "free" });
  await expect(search("plan", "pro")).rejects.toMatchObject({ reason: "INDEX_NOT_READY" });
  await sweepAll(adapter);
  expect(await search("email", "one")).toEqual(["a", "b", "c"]);
  expect(await search("plan", "pro")).toEqual(["a", "b"]);
  await switchIndexes(administration, "email:fold");
  const others = { indexed: "email" };
  await expect(search("plan", "pro")).rejects.toMatchObject({ reason: "PROPERTY_NOT_INDEXED", metadata: others });
  await identify("a", { email: "two" });
  expect(await search("email", "one")).toEqual(["b", "c"]);
});
