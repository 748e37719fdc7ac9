/** Writes in Redis keep the entries of indexes in line with the users. */
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { createKeys } from "../../src/store/redis/keys.ts";
import type { UserStore, WriteCommand } from "../../src/users/store.ts";
import { command, deletion, edit, readable, setPreferences, userId } from "../support/commands.ts";
import { entriesIn, openIndexed, type RunningServers } from "../support/indexed-redis.ts";
import { below, oneOf, seededRandom } from "../support/random.ts";
import { startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { allow, asUser, createUser, documented, forbid } from "../support/redis-users.ts";
import { canonical, decode } from "../support/struct.ts";
import { valuesTooLongIn } from "../support/sweep-all.ts";

const keys = createKeys("rollcall:");

async function propertiesOf(store: UserStore, id: string): Promise<unknown> {
  const [user] = await store.get([userId(id)]);
  return decode(readable(user)?.properties ?? new Uint8Array());
}

/** A value of any kind, some of which no index holds. */
const values = [
  "Ada",
  "ada",
  "ADA",
  "x\0y",
  "x",
  0,
  -0,
  1.5,
  -1e308,
  true,
  false,
  "true",
  null,
  ["Ada"],
  "ß".repeat(129),
];
const names = ["email", "plan", "other"];

describe.each([
  ["a server", (): Promise<RunningServers> => startRedis()],
  ["a cluster", (): Promise<RunningServers> => startCluster({ primaries: 2, replicas: 0 })],
] as const)("in %s", (_, start) => {
  test("writes of every kind, many at once", async () => {
    const { store, expectInLine } = await openIndexed(start(), "email:fold,plan");
    const random = seededRandom(11);
    const ids = Array.from({ length: 30 }, (_, n) => `user ${n}`);
    const some = () =>
      Object.fromEntries(names.filter(() => random() < 0.6).map((name) => [name, oneOf(random, values)]));
    const draw = (id: string): WriteCommand => {
      const observedAt = random() < 0.4 ? 1_000_000 + below(random, 5) : undefined;
      const rest = names.filter(() => random() < 0.4);
      const set = some();
      const setOnce = Object.fromEntries(
        rest.filter((name) => !(name in set)).map((name) => [name, oneOf(random, values)]),
      );
      const unset = names.filter((name) => !(name in set) && !(name in setOnce) && random() < 0.5);
      const hidesOutcome = random() < 0.1;
      switch (below(random, 8)) {
        case 0:
          return deletion(id, { allowMissing: true });
        case 1:
          return setPreferences(id, { theme: below(random, 3) });
        case 2:
          return command(id, set, { validateOnly: true });
        case 3:
        case 4:
          return edit(id, { set, setOnce, unset }, { observedAt, hidesOutcome });
        default:
          return command(id, set, { wantUser: random() < 0.5, hidesOutcome });
      }
    };
    for (let round = 0; round < 40; round++) {
      await store.write(Array.from({ length: 40 }, () => draw(oneOf(random, ids))));
      await expectInLine();
    }
  });
});

describe("a write", () => {
  test("that loses touches no entry, nor does one that changes nothing or only checks", async () => {
    const { store, redis, expectInLine } = await openIndexed(startRedis(), "email");
    await store.write([edit("u", { set: { email: "b", name: "Ada" } }, { observedAt: 2_000_000 })]);
    const before = await entriesIn(redis);
    expect(before).toHaveLength(1);
    const losing = [
      edit("u", { set: { email: "a" } }, { observedAt: 1_000_000 }),
      edit("u", { unset: ["email"] }, { observedAt: 1_000_000 }),
      // At the same time, the greater value wins.
      edit("u", { set: { email: "a" } }, { observedAt: 2_000_000 }),
      edit("u", { setOnce: { email: "a" } }),
      // Another property wins.
      edit("u", { set: { email: "a", n: 1 } }, { observedAt: 1_000_000 }),
      edit("u", { set: { n: 2 }, setOnce: { email: "a" } }),
      edit("u", { set: { m: 1 }, unset: ["email"] }, { observedAt: 1_000_000 }),
      command("u", { email: "b" }),
      command("u", { email: "a" }, { validateOnly: true }),
      command("u", { email: "a" }, { precondition: { exists: false } }),
      setPreferences("u", { theme: "dark" }),
    ];
    for (const each of losing) await store.write([each]);
    expect(await entriesIn(redis)).toEqual(before);
    await expectInLine();
    // Its answer may have been lost.
    const winning = edit("u", { set: { email: "c" } });
    for (let attempt = 0; attempt < 2; attempt++) await store.write([winning]);
    await expectInLine();
    expect(await entriesIn(redis)).not.toEqual(before);
  });

  test("gives a value the entry that its kind has, and text of more than 256 bytes none", async () => {
    const { store, adapter, redis, expectInLine } = await openIndexed(startRedis(), "v,w:fold");
    const indexed = [
      true,
      false,
      0,
      -0,
      1,
      1.5,
      -1e308,
      5e-324,
      "",
      "true",
      "x\0y",
      "\0",
      "x".repeat(256),
      "é".repeat(128),
    ];
    for (const value of indexed) {
      await store.write([command("u", { v: value })]);
      expect(await entriesIn(redis), JSON.stringify(value)).toHaveLength(1);
      await expectInLine();
    }
    expect(valuesTooLongIn(adapter)).toBe(0);
    for (const [n, value] of [null, [], {}, "x".repeat(257), "é".repeat(129)].entries()) {
      await store.write([command("u", { v: "before" })]);
      await store.write([command("u", { v: value })]);
      expect(await entriesIn(redis), JSON.stringify(value)).toEqual([]);
      expect(valuesTooLongIn(adapter)).toBe(Math.max(0, n - 2));
    }
    // ß folds to ss.
    await store.write([command("u", { v: null, w: "ß".repeat(128) }), command("u", { w: `${"ß".repeat(128)}.` })]);
    expect(valuesTooLongIn(adapter)).toBe(3);
    // What was not written does not count.
    const refused = command("u", { v: "x".repeat(300) }, { precondition: { etag: "another" } });
    await store.write([refused, command("u", { v: "x".repeat(300) }, { validateOnly: true })]);
    expect(valuesTooLongIn(adapter)).toBe(3);
    await expectInLine();
  });

  test("of a value that is too long is made also where another property is damaged inside", async () => {
    const { store, redis } = await openIndexed(startRedis(), "a");
    await store.write([command("u", { b: 1 })]);
    // Its length is right, and that of its name is endless.
    const damaged = Buffer.concat([canonical({ b: 1 }), Buffer.from(`0a090a${"ff".repeat(8)}`, "hex")]);
    await redis.hset(keys.user("u"), "properties", damaged);
    const write = command("u", { a: "x".repeat(300) }, { wantUser: false });
    expect(await store.write([write])).toMatchObject([{ outcome: "updated" }]);
  });

  test("of the same user in one script follows those before it", async () => {
    const { store, expectInLine } = await openIndexed(startRedis(), "email");
    const steps: WriteCommand[][] = [
      [command("a", { email: "1" }), command("a", { email: "2" }), command("b", { email: "1" })],
      [edit("c", { set: { email: "1" } }), edit("c", { unset: ["email"] })],
      [deletion("a"), command("a", { email: "1" }), edit("b", { unset: ["email"] }), command("b", { email: "3" })],
      [command("d", { email: "1" }), deletion("d"), command("e", { email: "1" }), command("e", { email: "1", n: 1 })],
      [deletion("a"), deletion("b"), deletion("e")],
    ];
    for (const step of steps) {
      await store.write(step);
      await expectInLine();
    }
  });

  test("finds its script again after SCRIPT FLUSH", async () => {
    const { store, redis, expectInLine } = await openIndexed(startRedis(), "email");
    await store.write([command("u", { email: "a" })]);
    await redis.call("SCRIPT", "FLUSH");
    await store.write([command("u", { email: "b" })]);
    await redis.call("SCRIPT", "FLUSH");
    await expectInLine();
    expect(await store.count()).toBe(1);
  });

  test("that Redis has no memory for changes neither the user nor its entries", async () => {
    const { store, redis, expectInLine } = await openIndexed(startRedis(), "email");
    await store.write([command("u", { email: "a" })]);
    await redis.call("CONFIG", "SET", "maxmemory", "1");
    expect(await store.write([command("u", { email: "b" }), command("v", { email: "b" })])).toEqual([
      { refused: "store-full" },
      { refused: "store-full" },
    ]);
    expect(await store.write([edit("u", { unset: ["email"] })])).toEqual([{ refused: "store-full" }]);
    await expectInLine();
    expect(await store.write([deletion("u")])).toMatchObject([{ outcome: "deleted" }]);
    expect(await entriesIn(redis)).toEqual([]);
  });
});

describe("where something else has overwritten a partition's entries", () => {
  const id = "u";
  const key = keys.entries(0);

  test("nothing that changes an entry is written, and the failure names the key", async () => {
    const { store, redis, build, expectInLine } = await openIndexed(startRedis(), "email");
    await store.write([command(id, { email: "a", n: 1 })]);
    await redis.set(key, "nobody's");
    const named = `overwritten the indexes ${key}, which is no sorted set; rollcall verify tells more`;
    const changing = [command(id, { email: "b" }), edit(id, { unset: ["email"] }), edit(id, { set: { email: "b" } })];
    for (const each of changing) await expect(store.write([each])).rejects.toThrow(named);
    // Whoever must not learn whether it changes anything.
    await expect(store.write([command(id, { email: "a" }, { hidesOutcome: true })])).rejects.toThrow(named);
    expect(await propertiesOf(store, id)).toEqual({ email: "a", n: 1 });
    expect(await store.write([command(id, { n: 2 })])).toMatchObject([{ outcome: "updated" }]);
    expect(await store.write([deletion(id)])).toMatchObject([{ outcome: "deleted" }]);
    await expect(store.write([command(id, { email: "a" })])).rejects.toThrow(named);
    expect(await store.get([userId(id)])).toEqual([undefined]);
    expect(await store.list(undefined, 10)).toEqual([]);

    await redis.del(key);
    await store.write([command(id, { email: "a" })]);
    await build("email,plan");
    await expectInLine();
  });

  test("and the key is removed, the next change of the indexes brings all entries back", async () => {
    const { store, redis, build, expectInLine } = await openIndexed(startRedis(), "email");
    await store.write(["u", "v", "w"].map((each) => command(each, { email: each })));
    await redis.del(key);
    await build("email,plan");
    await expectInLine();
  });
});

test.each(["zadd", "zrem", "hdel", "zscore"])(
  "without the permission for %s, a user and its entries stay as they were",
  async (name) => {
    const server = await startRedis();
    const admin = new Redis(server.url);
    onTestFinished(() => admin.disconnect());
    // The test itself looks at entries.
    await createUser(admin, [...documented.server, "+zrange", "+hget"]);
    const restricted = { url: asUser(server.url), stop: () => server.stop() };
    const { store, expectInLine } = await openIndexed(Promise.resolve(restricted), "email");
    await store.write([command("u", { email: "a" })]);
    await forbid(admin, name);
    const changing = [command("u", { email: "b" }), edit("u", { unset: ["email"] }), command("v", { email: "b" })];
    const refused = await Promise.allSettled(changing.map((each) => store.write([each])));
    expect(refused).toMatchObject(changing.map(() => ({ reason: { reason: "STORE_UNAVAILABLE" } })));
    await allow(admin, name);
    expect(await store.list(undefined, 10)).toEqual(["u"]);
    expect(await propertiesOf(store, "u")).toEqual({ email: "a" });
    await expectInLine();
  },
);
