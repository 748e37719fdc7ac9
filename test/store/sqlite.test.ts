import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { packCommands, unpackResults } from "../../src/store/packed/packed.ts";
import { UserDatabase } from "../../src/store/sqlite/database.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { openBesideStore } from "../support/beside-store.ts";
import { command, deletion, userId } from "../support/commands.ts";
import { administrationOf, openTemporarySqlite, switchFeatures, temporaryDirectory } from "../support/stores.ts";
import { until } from "../support/until.ts";
import { storeConformance } from "./conformance.ts";

storeConformance("SQLite", openTemporarySqlite);

describe("the SQLite database", () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = temporaryDirectory();
    path = join(directory, "new", "users.db");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const files = () => readdirSync(dirname(path)).map((name) => join(dirname(path), name));
  const holds = (text: string) => files().some((file) => readFileSync(file).includes(text));
  const modes = () =>
    Object.fromEntries(files().map((file) => [basename(file), (statSync(file).mode & 0o777).toString(8)]));

  test("is written through to the disk with each transaction", () => {
    const database = new UserDatabase(join(directory, "users.db"), () => 1);
    expect(database.pragma("synchronous")).toBe(2);
    expect(database.pragma("journal_mode")).toBe("wal");
    // Background work does without.
    database.sweep();
    expect(database.pragma("synchronous")).toBe(2);
    database.close();
  });

  test("has background work wait on a full disk, which would take the room of deletions", async () => {
    const before = await openSqliteStore(path);
    await before.write([command("u", { n: 1 })]);
    await before.close();
    const administration = await administrationOf(`sqlite:${path}`);
    await switchFeatures(administration, ["rehearsal"]);
    // There is no disk with so much room.
    const full = await openSqliteStore(path, { reserveBytes: 2 ** 50 });
    await full.check();
    await expect(full.write([command("v", { n: 1 })])).rejects.toMatchObject({ reason: "STORE_FULL" });
    expect(await full.sweep?.sweep(0)).toMatchObject({ work: undefined, items: 0 });
    await full.close();
    const after = await openSqliteStore(path);
    expect(await after.sweep?.sweep(0)).toMatchObject({ work: "seal", items: 1 });
    await after.close();
  });

  test("gives new users row numbers that can be read, whatever other programs gave theirs", async () => {
    const store = await openSqliteStore(path);
    const other = openBesideStore(path);
    const insert = other.prepare(
      "INSERT INTO user (rid, id, created_at, updated_at, etag, properties) VALUES (?, ?, 1, 1, 'e', x'')",
    );
    const ids: string[] = [];
    const create = async () => {
      const some = [0, 1, 2].map((n) => `u${ids.length + n}`);
      ids.push(...some);
      const results = await store.write(some.map((id, n) => command(id, { n })));
      expect(results).toMatchObject(some.map(() => ({ outcome: "created" })));
    };
    for (const rid of [-(2n ** 62n), 2n ** 63n - 1n, 2n ** 53n - 1n]) {
      insert.run(rid, `rid ${rid}`);
      await create();
    }
    const found = await store.get(ids.map(userId));
    expect(found).toMatchObject(ids.map((id) => ({ id })));
    const rids = other.prepare("SELECT rid FROM user WHERE id LIKE 'u%' ORDER BY id").all().slice(0, 6);
    expect(rids).toEqual([1, 2, 3, 4, 5, 6].map((rid) => ({ rid })));
    other.close();
    // Background work passes over those of others.
    await switchFeatures(await administrationOf(`sqlite:${path}`), ["rehearsal"]);
    expect(await store.sweep?.sweep(0)).toEqual({ work: "seal", isBuild: false, items: 10, share: 1, isDone: true });
    await store.close();
  });

  test("is for its owner alone, unless it was there with another mode", async () => {
    const store = await openSqliteStore(path);
    await store.write([command("u", { n: 1 })]);
    const beside = { "users.db-shm": "600", "users.db-wal": "600", "users.db.reserve": "600" };
    await until(() => expect(modes()).toEqual({ "users.db": "600", ...beside }));
    await store.close();
    chmodSync(path, 0o640);
    await (await openSqliteStore(path)).close();
    expect(modes()).toEqual({ "users.db": "640", "users.db.reserve": "600" });
  });

  test("forgets what is deleted or overwritten: no file of it holds that any more", async () => {
    const store = await openSqliteStore(path);
    const text = (from: string, length: number) => `${from} marker `.repeat(length / 10);
    const ids = Array.from({ length: 300 }, (_, n) => `user ${n}`);
    // Some within a page, some beyond.
    await store.write(ids.map((id, n) => command(id, { text: text("first", 20 + 40 * (n % 100)), n })));
    await store.write(ids.map((id, n) => command(id, { text: text("second", 20 + 70 * (n % 50)) })));
    expect(holds("marker")).toBe(true);
    const kept = await store.get([userId("user 7")]);
    await store.write(ids.filter((id) => id !== "user 7").map((id) => deletion(id)));
    await until(() => !holds("first marker"));
    await store.write([deletion("user 7")]);
    await until(() => !holds("marker"));
    expect(kept).toHaveLength(1);
    await store.close();
  });

  test("forgets it once a reader that is in the way has ended, and when it is closed", async () => {
    const store = await openSqliteStore(path);
    await store.write([command("u", { text: "marker" })]);
    const reader = openBesideStore(path, { readOnly: true });
    reader.exec("BEGIN; SELECT count(*) FROM user");
    await store.write([deletion("u")]);
    await store.write([command("other", { n: 1 })]);
    expect(holds("marker")).toBe(true);
    reader.exec("COMMIT");
    await until(() => !holds("marker"));
    await store.write([command("u", { text: "marker" })]);
    await store.write([deletion("u")]);
    await store.close();
    expect(holds("marker")).toBe(false);
    reader.close();
  });

  test("keeps users when it is closed and opened again", async () => {
    const first = await openSqliteStore(path);
    await first.write([command("u", { n: 1 })]);
    await first.close();
    const second = await openSqliteStore(path);
    expect((await second.get([userId("u")]))[0]?.id).toBe("u");
    await second.close();
  });

  test("grows a user's time even where the clock stands still or runs back", () => {
    let now = 5_000_000;
    const database = new UserDatabase(join(directory, "users.db"), () => now);
    const times = [5_000_000, 5_000_000, 4_000_000, 9_000_000].map((time, n) => {
      now = time;
      const commands = [command("u", { n })];
      const [result] = unpackResults(database.write(packCommands(commands)), commands);
      return result !== undefined && "user" in result ? result.user?.updatedAt : undefined;
    });
    expect(times).toEqual([5_000_000, 5_000_001, 5_000_002, 9_000_000]);
    database.close();
  });

  test("refuses a file that is not a database, and one of another program", async () => {
    const text = join(directory, "text.db");
    writeFileSync(text, "not a database, but long enough to be taken for one".repeat(100));
    await expect(openSqliteStore(text)).rejects.toThrow("file is not a database");
    const other = join(directory, "other.db");
    const database = new DatabaseSync(other);
    database.exec("CREATE TABLE something (a)");
    database.close();
    await expect(openSqliteStore(other)).rejects.toThrow("is not ours");
  });

  test("refuses a layout of another version", async () => {
    const store = await openSqliteStore(path);
    await store.close();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    await expect(openSqliteStore(path)).rejects.toThrow("layout version 99, not 1");
  });

  test("a full disk is STORE_FULL, and leaves what was stored", async () => {
    const database = new UserDatabase(join(directory, "users.db"), () => 1);
    const identify = (id: string, text: string) => {
      const commands = [command(id, { text })];
      return unpackResults(database.write(packCommands(commands)), commands);
    };
    identify("before", "kept");
    const pages = Number(database.pragma("page_count"));
    database.pragma(`max_page_count = ${pages + 2}`);
    expect(() => identify("after", "x".repeat(60_000))).toThrow("full");
    identify("before", "changed");
    database.close();
  });

  test("a thread that ends is followed by another", async () => {
    const threads = new Set<Worker>();
    const post = Worker.prototype.postMessage;
    const spy = vi.spyOn(Worker.prototype, "postMessage").mockImplementation(function (this: Worker, ...args) {
      threads.add(this);
      post.apply(this, args);
    });
    const store = await openSqliteStore(path);
    await store.write([command("u", { n: 1 })]);
    spy.mockRestore();
    for (const thread of threads) await thread.terminate();
    // On a busy machine the next thread may be there already.
    const failure = await store.write([command("u", { n: 2 })]).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure !== undefined) expect(failure).toMatchObject({ reason: "STORE_UNAVAILABLE" });
    expect(await until(() => store.write([command("u", { n: 3 })]))).toMatchObject([{ outcome: "updated" }]);
    await store.close();
  });

  test("a database that another process holds is STORE_UNAVAILABLE, and works again afterwards", async () => {
    const store = await openSqliteStore(path);
    const other = openBesideStore(path);
    other.exec("BEGIN IMMEDIATE");
    await expect(store.write([command("u", { n: 1 })])).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
    other.exec("ROLLBACK");
    expect(await store.write([command("u", { n: 1 })])).toMatchObject([{ outcome: "created" }]);
    other.close();
    await store.close();
  });
});
