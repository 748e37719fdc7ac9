/** How indexes in SQLite are built, dropped and mended. */
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import type { StoreAdapter } from "../../src/store/adapter.ts";
import { PackedReader } from "../../src/store/packed/buffer.ts";
import { packCommands } from "../../src/store/packed/packed.ts";
import { backUpDatabase } from "../../src/store/sqlite/backup.ts";
import { UserDatabase } from "../../src/store/sqlite/database.ts";
import { HeldEntries } from "../../src/store/sqlite/held-entries.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { openBesideStore } from "../support/beside-store.ts";
import { command, deletion } from "../support/commands.ts";
import { fewIds, randomProperties, randomWrites } from "../support/indexed-writes.ts";
import { seededRandom } from "../support/random.ts";
import {
  changeElsewhere,
  indexesOf,
  openIndexed,
  rightEntries,
  statesOf,
  storedEntries,
} from "../support/sqlite-indexes.ts";
import { canonical } from "../support/struct.ts";
import { brokenSealsIn, sweepAll } from "../support/sweep-all.ts";

test("an index is built over the users that are there while others are written, and is ready once it holds all", async () => {
  const { store, indexes, sweep, expectInLine } = await openIndexed();
  const random = seededRandom(2);
  const many = Array.from({ length: 900 }, (_, n) => `user ${n}`);
  await store.write(many.map((id) => command(id, { ...randomProperties(random), email: `${id}@example.com` })));
  await indexes("email:fold");
  expect(statesOf(store)).toEqual([["email", "building"]]);
  expect(await store.progress()).toEqual({ done: 0, total: many.length });
  let greatest = 0;
  for (let isDone = false; !isDone; ) {
    await store.write(randomWrites(random, 10, many));
    const slice = await store.sweep?.sweep(0);
    expect(slice).toMatchObject({ work: "seal", isBuild: true });
    isDone = slice?.isDone ?? true;
    const { done, total } = await store.progress();
    expect(total).toBe(await store.count());
    expect(done).toBeLessThanOrEqual(total);
    greatest = Math.max(greatest, done);
    await store.write(randomWrites(random, 10, many));
  }
  expect(greatest).toBeGreaterThan(0);
  await store.check();
  expect(statesOf(store)).toEqual([["email", "ready"]]);
  expect(await store.progress()).toEqual({ done: await store.count(), total: await store.count() });
  expectInLine();
  await store.write(randomWrites(random, 200, many));
  expect(await store.sweep?.sweep(0)).toMatchObject({ work: "check", isBuild: false });
  await sweep();
  expectInLine();
});

/** What happens while an index is built. @returns the store that goes on */
const disturbances: Record<string, (path: string, store: StoreAdapter) => Promise<StoreAdapter>> = {
  async "a write of users is undone"(path, store) {
    const other = openBesideStore(path);
    other.exec("CREATE TRIGGER refuse BEFORE INSERT ON user WHEN NEW.id = 'no' BEGIN SELECT raise(ABORT, 'no'); END");
    const changes = Array.from({ length: 120 }, (_, n) => command(`user ${n}`, { email: "undone" }));
    await expect(store.write([...changes, command("no", { email: "undone" })])).rejects.toThrow();
    other.exec("DROP TRIGGER refuse");
    other.close();
    return store;
  },
  async "another process changes a user"(path, store) {
    changeElsewhere(path, "user 1", canonical({ email: "other" }));
    return store;
  },
  async "the server is started again"(path) {
    const next = await openSqliteStore(path);
    onTestFinished(() => next.close());
    return next;
  },
};

test.each(Object.entries(disturbances))(
  "the building of an index goes on rightly where %s, at any moment",
  async (_, disturb) => {
    const random = seededRandom(4);
    const many = Array.from({ length: 120 }, (_, n) => `user ${n}`);
    const others = many.filter((id) => id !== "user 1");
    let hasEnded = false;
    for (let slices = 1; !hasEnded; slices++) {
      const { path, store, indexes, sweep, other } = await openIndexed();
      await store.write(many.map((id) => command(id, { ...randomProperties(random), email: `${id}@example.com` })));
      await indexes("email:fold,plan");
      for (let slice = 0; slice < slices && !hasEnded; slice++) {
        await store.write(randomWrites(random, 3, others));
        hasEnded = (await store.sweep?.sweep(0))?.isDone ?? true;
      }
      const place = String(other().prepare("SELECT after FROM sweep").get()?.["after"]);
      const next = await disturb(path, store);
      await next.write(randomWrites(random, 3, others));
      await sweepAll(next);
      await next.check();
      expect(statesOf(next)).toEqual([
        ["email", "ready"],
        ["plan", "ready"],
      ]);
      // The run begins again; of a user that another process changes, the check removes what was added already.
      const [stored, right] = [storedEntries(path), rightEntries(path, indexesOf(next))];
      if (/^ \d+$/.test(place)) expect(stored).toEqual(right);
      if (/^ \d+ adding$/.test(place)) expect(stored).toEqual(expect.arrayContaining(right));
      await sweep();
      expect(storedEntries(path)).toEqual(rightEntries(path, indexesOf(next)));
    }
  },
);

test("an index that is dropped leaves no entry, and one that is added again holds all users", async () => {
  const { path, store, indexes, sweep, expectInLine } = await openIndexed();
  const random = seededRandom(3);
  const many = Array.from({ length: 700 }, (_, n) => `user ${n}`);
  const write = () =>
    store.write(many.map((id) => command(id, { ...randomProperties(random), email: `${id} ${random()}` })));
  await write();
  await indexes("email:fold,plan");
  await sweep();
  expectInLine();
  await indexes("plan");
  expect(statesOf(store)).toEqual([
    ["plan", "ready"],
    ["email", "dropping"],
  ]);
  await write();
  // They go with the index, and are not left to a later check.
  await sweepAll(store);
  await store.check();
  expect(statesOf(store)).toEqual([["plan", "ready"]]);
  expectInLine();
  await sweep();
  expectInLine();
  // Dropped and added again before the entries of the first are gone.
  await indexes("plan,email:fold");
  await store.sweep?.sweep(0);
  await indexes("plan");
  await write();
  await indexes("plan,email");
  await sweep();
  expect(statesOf(store)).toEqual([
    ["plan", "ready"],
    ["email", "ready"],
  ]);
  expectInLine();
  await indexes("");
  await sweep();
  expect(store.configuration()).toMatchObject({ features: [], indexes: [], seals: undefined });
  expect(storedEntries(path)).toBeUndefined();
  await write();
  await indexes("email");
  await sweep();
  expectInLine();
});

test("what a server has changed that knows no indexes is mended by the next write, and by the check", async () => {
  const { path, store, indexes, sweep, other, expectInLine } = await openIndexed();
  await store.write(fewIds.map((id) => command(id, { email: id })));
  await indexes("email:fold");
  await sweep();
  const older = other();
  const write = older.prepare("UPDATE user SET properties = ?, etag = ? WHERE id = ?");
  for (const [n, id] of fewIds.slice(0, 3).entries()) write.run(canonical({ email: `other ${n}` }), `older ${n}`, id);
  older.prepare("DELETE FROM user WHERE id = ?").run("user 3");
  // One is written, one is deleted, one is left to the check.
  await store.write([command("user 0", { plan: "pro" }), deletion("user 1")]);
  await store.check();
  expect(brokenSealsIn(store)).toBe(2);
  for (const entry of rightEntries(path, indexesOf(store)).filter((each) => !each.includes(hex("other 2")))) {
    expect(storedEntries(path)).toContain(entry);
  }
  await sweep();
  expectInLine();
  expect(brokenSealsIn(store)).toBe(3);
});

test("what a server has changed that knows no indexes is mended by a change of the indexes, too", async () => {
  const { store, indexes, sweep, other, expectInLine } = await openIndexed();
  await store.write(fewIds.map((id) => command(id, { email: id, plan: id })));
  await indexes("email:fold");
  await sweep();
  const older = other();
  older
    .prepare("UPDATE user SET properties = ?, etag = 'older' WHERE id = 'user 1'")
    .run(canonical({ email: "other" }));
  await indexes("email:fold,plan");
  await sweep();
  expectInLine();
});

test("all entries are looked at again only if another process has written", async () => {
  const { path, store, indexes, sweep } = await openIndexed();
  await store.write(fewIds.map((id) => command(id, { email: id })));
  await indexes("email");
  await sweep();
  let now = Date.now() * 1_000;
  const database = new UserDatabase(path, () => now);
  onTestFinished(() => database.close());
  /** An hour later. @returns how many users and entries are looked at */
  const check = () => {
    now += 3_601_000_000;
    let items = 0;
    for (let isDone = false; !isDone; ) {
      const reader = new PackedReader(database.sweep());
      expect(reader.shortText()).toBe("check");
      items += reader.u32();
      reader.u8();
      isDone = reader.u8() === 1;
    }
    return items;
  };
  const [users, entries] = [fewIds.length, fewIds.length];
  expect([check(), check(), check()]).toEqual([users + entries, users, users]);
  database.write(packCommands([command("user 0", { email: "other" })]));
  expect(check()).toBe(users);
  changeElsewhere(path, "user 1", canonical({ email: "older" }));
  expect([check(), check()]).toEqual([users + entries + 1, users]);
  expect(storedEntries(path)).toHaveLength(entries);
  // Nobody knows which entries the user had.
  changeElsewhere(path, "user 2", Buffer.from("no Struct"));
  expect([check(), check()]).toEqual([users + entries, users]);
  database.write(packCommands([deletion("user 2")]));
  expect([check(), check()]).toEqual([users - 1 + entries, users - 1]);
  expect(storedEntries(path)).toHaveLength(entries - 1);
});

test("the entries of a user whose record is damaged go once it is deleted", async () => {
  const { path, store, indexes, sweep, other, expectInLine } = await openIndexed();
  await store.write([command("u", { email: "marker" }), command("v", { email: "b" })]);
  await indexes("email");
  await sweep();
  other().prepare("UPDATE user SET properties = ? WHERE id = 'u'").run(Buffer.from("no Struct"));
  await sweep();
  // Until then, nobody can tell whether they are wrong.
  expect(storedEntries(path)).toHaveLength(2);
  expect(await store.write([deletion("u")])).toMatchObject([{ outcome: "deleted" }]);
  await sweep();
  expectInLine();
});

test("a backup has the entries, and goes on with the building of an index", async () => {
  const { path, store, indexes, sweep } = await openIndexed();
  await store.write(Array.from({ length: 450 }, (_, n) => command(`user ${n}`, { email: `${n}`, plan: "pro" })));
  await indexes("email");
  await sweep();
  await indexes("email,plan");
  await store.sweep?.sweep(0);
  await store.write([command("new", { email: "a", plan: "b" })]);
  const target = `${path}.copy`;
  expect(await backUpDatabase(path, target)).toBe(451);
  expect(storedEntries(target)).toEqual(storedEntries(path));
  const copy = await openSqliteStore(target);
  onTestFinished(() => copy.close());
  expect(statesOf(copy)).toEqual([
    ["email", "ready"],
    ["plan", "building"],
  ]);
  await sweepAll(copy);
  await copy.check();
  expect(statesOf(copy)).toEqual([
    ["email", "ready"],
    ["plan", "ready"],
  ]);
  expect(storedEntries(target)).toEqual(rightEntries(target, indexesOf(copy)));
});

function hex(text: string): string {
  return Buffer.from(text).toString("hex").toUpperCase();
}

test("a place for entries in memory that could be made only in part is made the next time", () => {
  const database = new DatabaseSync(":memory:");
  onTestFinished(() => database.close());
  const held = new HeldEntries(database);
  expect(() => held.prepare()).toThrow("no such table");
  expect(held.isPrepared).toBe(false);
  database.exec("CREATE TABLE entry (entry BLOB PRIMARY KEY) STRICT, WITHOUT ROWID");
  held.prepare();
  held.begin();
  held.add(Buffer.from("b"));
  held.add(Buffer.from("a"));
  expect(held.move(1)).toBe(1);
  expect(database.prepare("SELECT CAST(entry AS TEXT) AS entry FROM entry").all()).toEqual([{ entry: "a" }]);
  expect(held.count).toBe(1);
});
