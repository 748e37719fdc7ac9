/** Which values count as too long for their indexes: the same in every store. */
import { expect, test } from "vitest";
import type { StoreAdapter } from "../../src/store/adapter.ts";
import type { WriteCommand } from "../../src/users/store.ts";
import { command, deletion, edit, setPreferences } from "../support/commands.ts";
import { openIndexed as openInRedis } from "../support/indexed-redis.ts";
import { startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { openIndexed as openInSqlite } from "../support/sqlite-indexes.ts";
import { valuesTooLongIn } from "../support/sweep-all.ts";

interface Opened {
  readonly adapter: StoreAdapter;
  readonly store: { write(commands: readonly WriteCommand[]): Promise<unknown> };
  /** Sets the indexes, and the store learns of it. */
  set(indexes: string): Promise<void>;
  /** Does all background work. */
  sweep(): Promise<void>;
}

const stores: Readonly<Record<string, () => Promise<Opened>>> = {
  async SQLite() {
    const { store, indexes, sweep } = await openInSqlite();
    return { adapter: store, store, set: indexes, sweep };
  },
  Redis: () => openInRedis(startRedis(), ""),
  "Redis Cluster": () => openInRedis(startCluster({ primaries: 2, replicas: 0 }), ""),
};

const long = "x".repeat(257);
const other = "y".repeat(257);
const third = "z".repeat(257);

/** What is written after the user `u` has the long values `v` and `w`, and how many values count. */
const writes: readonly (readonly [what: string, write: WriteCommand, count: number])[] = [
  ["another property", command("u", { n: 1 }), 0],
  ["the same value, beside another property", command("u", { v: long, n: 2 }), 0],
  ["the same value, where an entry changes", command("u", { v: long, short: "a" }), 0],
  ["another value", command("u", { v: other }), 1],
  ["two, of which one is another", command("u", { v: other, w: other }), 1],
  ["two others, and one that has an entry", command("u", { v: long, w: long, short: "b" }), 2],
  ["by the general way", edit("u", { set: { v: other, w: long }, unset: ["n"] }), 1],
  ["only if there is none", edit("u", { setOnce: { v: third } }), 0],
  ["only if there is none, beside another property", edit("u", { set: { n: 3 }, setOnce: { v: third } }), 0],
  ["by times of observation", edit("u", { set: { v: long } }, { observedAt: 2_000_000 }), 1],
  ["too late", edit("u", { set: { v: other, n: 4 } }, { observedAt: 1_000_000 }), 0],
  ["a lesser value at the same time", edit("u", { set: { v: "a".repeat(257), m: 1 } }, { observedAt: 2_000_000 }), 0],
  ["where the outcome is hidden", command("u", { v: other }, { hidesOutcome: true }), 1],
  ["nothing new, where the outcome is hidden", command("u", { v: other }, { hidesOutcome: true }), 0],
  ["only to check", command("u", { v: third }, { validateOnly: true }), 0],
  ["under another condition", command("u", { v: third }, { precondition: { etag: "another" } }), 0],
  ["preferences", setPreferences("u", { v: third }), 0],
  ["no value", edit("u", { unset: ["v"] }), 0],
  ["what no index has", command("u", { v: null, free: long }), 0],
  ["the first of a user", command("new", { v: long, w: other, short: "a" }), 2],
  ["the first of a user, by the general way", edit("newer", { set: { v: long }, setOnce: { w: other } }), 2],
  ["a deletion", deletion("new"), 0],
];

test.each(Object.entries(stores))(
  "in %s, each value that changes counts, and each that a build finds",
  async (_, open) => {
    const { adapter, store, set, sweep } = await open();
    const counted = async (work: () => Promise<unknown>) => {
      const before = valuesTooLongIn(adapter);
      await work();
      // The database's thread tells of them before its next answer.
      await adapter.get([]);
      return valuesTooLongIn(adapter) - before;
    };
    const user = { v: long, w: long, free: long, short: "s" };
    expect(await counted(() => store.write([command("u", user)]))).toBe(0);
    await set("v,w,short");
    expect(await counted(sweep)).toBe(2);
    expect(await counted(sweep)).toBe(0);
    for (const [what, write, count] of writes) expect(await counted(() => store.write([write])), what).toBe(count);
    // Many at once, of the same users.
    const many = [command("a", user), command("a", { v: long }), command("b", user), command("a", { v: other })];
    expect(await counted(() => store.write(many))).toBe(5);
    // What other indexes have been built for counts no more.
    await store.write([deletion("u"), deletion("newer"), deletion("b")]);
    await set("v,w,short,free");
    expect(await counted(sweep)).toBe(1);
  },
);
