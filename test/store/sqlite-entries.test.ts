/** Entries of indexes in SQLite: whatever is done to users, they are in line with them. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { command, deletion, edit } from "../support/commands.ts";
import { randomWrites } from "../support/indexed-writes.ts";
import { seededRandom } from "../support/random.ts";
import { openIndexed, storedEntries } from "../support/sqlite-indexes.ts";
import { brokenSealsIn, valuesTooLongIn } from "../support/sweep-all.ts";
import { until } from "../support/until.ts";

test("writes of every kind keep the entries in line with the users", async () => {
  const { store, indexes, sweep, expectInLine } = await openIndexed();
  const random = seededRandom(1);
  await indexes("email:fold,plan,score");
  await sweep();
  for (let round = 0; round < 60; round++) {
    await store.write(randomWrites(random, 25));
    expectInLine();
  }
  await sweep();
  expectInLine();
  expect(brokenSealsIn(store)).toBe(0);
});

test("a repeat of a write whose answer was lost changes no entry", async () => {
  const { store, indexes, expectInLine } = await openIndexed();
  await indexes("email:fold");
  const first = command("u", { email: "A" });
  const second = command("u", { email: "B" });
  for (const each of [first, first, second, second]) {
    await store.write([each]);
    expectInLine();
  }
});

test("the table is there while the store has an index, and versions without features refuse the file as long", async () => {
  const { path, store, indexes, sweep, other } = await openIndexed();
  const version = () => other().prepare("PRAGMA user_version").get();
  await store.write([command("u", { email: "a" })]);
  expect(storedEntries(path)).toBeUndefined();
  expect(version()).toEqual({ user_version: 1 });
  await indexes("email");
  expect(storedEntries(path)).toEqual([]);
  expect(version()).toEqual({ user_version: 2 });
  await indexes("");
  expect(version()).toEqual({ user_version: 2 });
  await sweep();
  expect(storedEntries(path)).toBeUndefined();
  expect(version()).toEqual({ user_version: 1 });
});

test("values that are too long for an index are counted: when they are written, and when the index is built", async () => {
  const { store, indexes, sweep } = await openIndexed();
  const tooLong = "x".repeat(257);
  await store.write([command("a", { email: tooLong }), command("b", { email: "x".repeat(256), plan: tooLong })]);
  expect(valuesTooLongIn(store)).toBe(0);
  await indexes("email:fold");
  await sweep();
  expect(valuesTooLongIn(store)).toBe(1);
  await store.write([command("a", { plan: "pro" }), command("b", { email: ["a list"] }), command("c", { email: "c" })]);
  expect(valuesTooLongIn(store)).toBe(1);
  await store.write([command("b", { email: tooLong })]);
  await store.write([command("b", { email: tooLong }), command("d", { email: tooLong }, { validateOnly: true })]);
  await store.check();
  expect(valuesTooLongIn(store)).toBe(2);
  await indexes("email:fold,score");
  await sweep();
  expect(valuesTooLongIn(store)).toBe(2);
});

test("values of a call that is undone are not counted", async () => {
  const { store, indexes, other } = await openIndexed();
  await indexes("email");
  other().exec(
    "CREATE TRIGGER refuse BEFORE INSERT ON user WHEN NEW.id = 'refused' BEGIN SELECT raise(ABORT, 'no'); END",
  );
  const commands = ["a", "refused"].map((id) => command(id, { email: "x".repeat(257) }));
  await expect(store.write(commands)).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
  await store.check();
  expect(valuesTooLongIn(store)).toBe(0);
});

test("no file holds the indexed value of a user any more that is deleted, or has another", async () => {
  const { path, store, indexes, sweep } = await openIndexed();
  /** What the files hold of these words: text up to the domain. */
  const held = (words: string) =>
    readdirSync(dirname(path)).flatMap((name) => {
      const bytes = readFileSync(join(dirname(path), name), "latin1");
      return [...bytes.matchAll(new RegExp(`user \\d+ ${words}`, "g"))].map(([text]) => text);
    });
  await indexes("email:fold");
  await sweep();
  const many = Array.from({ length: 400 }, (_, n) => `user ${n}`);
  const emailOf = (id: string) => `${id} FIRST MARKER ${"x".repeat(id.length * 7)}@EXAMPLE.COM`;
  const random = seededRandom(5);
  const mixed = many.map((id) => ({ id, rank: random() })).toSorted((a, b) => a.rank - b.rank);
  await store.write(mixed.map(({ id }) => command(id, { email: emailOf(id) })));
  // Only entries have it folded.
  expect(held("first marker")).toContain("user 200 first marker");
  const [changed, removed, deleted] = [many.slice(0, 100), many.slice(100, 200), many.slice(200)];
  await store.write(changed.map((id) => command(id, { email: `${id} SECOND MARKER` })));
  await store.write(removed.map((id) => edit(id, { unset: ["email"] })));
  await store.write(deleted.slice(1).map((id) => deletion(id)));
  await until(() => expect(new Set(held("first marker"))).toEqual(new Set(["user 200 first marker"])));
  await store.write([deletion("user 200")]);
  await until(() => expect(held("first marker")).toEqual([]));
  expect(held("second marker")).toContain("user 0 second marker");
  await indexes("");
  await sweep();
  await until(() => expect(held("second marker")).toEqual([]));
  expect(held("SECOND MARKER")).toContain("user 0 SECOND MARKER");
});
