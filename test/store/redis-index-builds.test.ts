/** Indexes over Redis that are built over users who are there, are dropped, and come back after a failover. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createKeys, everyPartition, partitionOf } from "../../src/store/redis/keys.ts";
import { RedisNode } from "../../src/store/redis/servers/node.ts";
import { sweepScripts } from "../../src/store/redis/sweep.ts";
import { entryPrefix } from "../../src/users/indexes/entries.ts";
import type { WriteCommand } from "../../src/users/store.ts";
import { command, deletion, edit } from "../support/commands.ts";
import { entriesIn, openIndexed, type RunningServers } from "../support/indexed-redis.ts";
import { below, oneOf, seededRandom } from "../support/random.ts";
import { startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { canonical } from "../support/struct.ts";
import { brokenSealsIn, sweepAll } from "../support/sweep-all.ts";
import { until } from "../support/until.ts";

const keys = createKeys("rollcall:");
/** All entries of the first index. */
const all = Buffer.of(0, 1);
const program = new URL("../support/sweep-program.ts", import.meta.url).pathname;
const ids = Array.from({ length: 600 }, (_, n) => `user ${n}`);
/** More than a slice has, all in one partition. */
const neighbours = Array.from({ length: 100_000 }, (_, n) => `u${n}`)
  .filter((id) => partitionOf(id) === 0)
  .slice(0, 700);

const emailOf = (id: string) => ({ email: `${id}@Example.com`, plan: "pro" });

/** Writes of every kind to users who may be there. */
function writesOf(random: () => number, count: number): WriteCommand[] {
  return Array.from({ length: count }, () => {
    const id = oneOf(random, ids);
    const email = `${below(random, 50)}@example.com`;
    switch (below(random, 5)) {
      case 0:
        return deletion(id, { allowMissing: true });
      case 1:
        return edit(id, { unset: ["email"], set: { n: below(random, 100) } });
      case 2:
        return edit(id, { set: { email } }, { observedAt: 1_000_000 + below(random, 100) });
      case 3:
        return command(id, { n: below(random, 100) });
      default:
        return command(id, { email, plan: oneOf(random, ["free", "pro"]) });
    }
  });
}

describe.each([
  ["a server", (): Promise<RunningServers> => startRedis()],
  ["a cluster", (): Promise<RunningServers> => startCluster({ primaries: 2, replicas: 0 })],
] as const)("in %s", (_, start) => {
  test("an index is added while others write, dropped while they write, and added again", {
    timeout: 60_000,
  }, async () => {
    const { store, adapter, redis, set, sweep, expectInLine } = await openIndexed(start(), "");
    await store.write(ids.map((id) => command(id, emailOf(id))));
    const random = seededRandom(3);
    let isOver = false;
    const writer = (async () => {
      while (!isOver) await store.write(writesOf(random, 20));
    })();
    for (const indexes of ["email:fold", "plan", "plan,email", "", "email:fold"]) {
      await set(indexes);
      await sweep();
      await store.check();
      expect(store.configuration()?.indexes.map(({ state }) => state)).toEqual(
        indexes.split(",").flatMap((each) => (each === "" ? [] : "ready")),
      );
    }
    isOver = true;
    await writer;
    await expectInLine();
    expect(brokenSealsIn(adapter)).toBe(0);
    const numbers = new Set((await entriesIn(redis)).map((entry) => entry.slice(0, 4)));
    expect([...numbers]).toEqual(
      store.configuration()?.indexes.map(({ number }) => number.toString(16).padStart(4, "0")),
    );
  });
});

test("users are indexed slice by slice, and the progress says how many", async () => {
  const { store, adapter, set, sweep, expectInLine } = await openIndexed(startRedis(), "");
  await store.write([...neighbours, "elsewhere"].map((id) => command(id, emailOf(id))));
  const total = neighbours.length + 1;
  await set("email");
  expect(await adapter.progress()).toEqual({ done: 0, total });
  const slices = [];
  for (let isDone = false; !isDone; ) {
    const slice = await adapter.sweep?.sweep(0);
    isDone = slice?.isDone ?? true;
    slices.push(slice);
    const { done } = await adapter.progress();
    expect(done).toBe(slices.reduce((sum, each) => sum + (each?.items ?? 0), 0));
  }
  expect(slices.length).toBeGreaterThan(4);
  expect(slices.every((slice) => slice?.work === "seal" && slice.isBuild)).toBe(true);
  expect(store.configuration()?.indexes).toMatchObject([{ state: "building" }]);
  await sweep();
  expect(store.configuration()?.indexes).toMatchObject([{ state: "ready" }]);
  expect(await adapter.progress()).toEqual({ done: total, total });
  await expectInLine();
  // A check of the seals is no build.
  expect(await adapter.sweep?.sweep(0)).toMatchObject({ work: "check", isBuild: false });
});

test("a process that is killed leaves work that another goes on with", async () => {
  const { store, adapter, redis, servers, set, expectInLine } = await openIndexed(startRedis(), "");
  await store.write(neighbours.map((id) => command(id, emailOf(id))));
  await set("email");
  const child = spawn(process.execPath, [program, servers.url], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const printed: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => printed.push(line));
  await until(() => printed.length >= 2);
  child.kill("SIGKILL");
  await once(child, "close");
  const [walk, after] = await redis.hmget(keys.sweep(0), "walk", "after");
  expect(walk).toMatch(/^seal /);
  const position = neighbours.toSorted().indexOf(after ?? "") + 1;
  expect((await entriesIn(redis)).length).toBe(position);
  let items = 0;
  for (let isDone = false; !isDone; ) {
    const slice = await adapter.sweep?.sweep(0);
    items += slice?.items ?? 0;
    isDone = slice?.isDone ?? true;
  }
  expect(items).toBe(neighbours.length - position);
  await expectInLine();
});

test("a user that changes while a slice is made is looked at again", async () => {
  const { store, adapter, redis, set, expectInLine } = await openIndexed(startRedis(), "");
  const some = neighbours.slice(0, 20);
  await store.write(some.map((id) => command(id, emailOf(id))));
  await set("email");
  const shas = new Set(sweepScripts.map(({ sha }) => sha));
  const run = RedisNode.prototype.run;
  let rounds = 0;
  const spy = vi.spyOn(RedisNode.prototype, "run").mockImplementation(async function (this: RedisNode, call, ...more) {
    // Between the look at the users and the script that adds their entries.
    if ("script" in call && shas.has(call.script.sha) && call.args[2] === "seal" && rounds++ < 2) {
      spy.mockRestore();
      // By a server that knows no indexes.
      for (const id of some.slice(0, 3)) {
        const properties = Buffer.from(canonical({ email: "changed" }));
        await redis.hset(
          keys.user(id),
          "meta",
          Buffer.from(`${"\0".repeat(16)}${Math.random()}`),
          "properties",
          properties,
        );
      }
    }
    return run.call(this, call, ...more);
  });
  await sweepAll(adapter);
  expect(rounds).toBe(1);
  await expectInLine();
});

test("a user whose etag is no text keeps no index from being built", async () => {
  const { store, redis, set, sweep, expectInLine } = await openIndexed(startRedis(), "");
  await store.write([command("u", emailOf("u")), command("v", emailOf("v"))]);
  await redis.hset(keys.user("u"), "meta", Buffer.concat([Buffer.alloc(16), Buffer.of(0xff, 0xfe)]));
  await set("email");
  await sweep();
  await store.check();
  expect(store.configuration()?.indexes).toMatchObject([{ state: "ready" }]);
  await expectInLine();
});

test("what a dropped index leaves is removed: entries, fields and entries of users who were deleted since", async () => {
  const { store, adapter, redis, set, sweep } = await openIndexed(startRedis(), "email,plan");
  await store.write(ids.map((id) => command(id, emailOf(id))));
  await set("");
  // Writers do not look at the entries of an index that is being dropped.
  await store.write([deletion("user 0"), deletion("user 1"), command("user 1", { email: "new" })]);
  await store.write([command("user 2", { email: "new" })]);
  await sweep();
  expect(store.configuration()).toMatchObject({ indexes: [], features: [] });
  await sweep();
  expect(await entriesIn(redis)).toEqual([]);
  const fields = await Promise.all(ids.map((id) => redis.hkeys(keys.user(id))));
  expect(new Set(fields.flat())).toEqual(new Set(["meta", "properties"]));
  expect(brokenSealsIn(adapter)).toBe(0);
});

describe("a failover", () => {
  test.each([
    ["one primary of a cluster", (): Promise<RunningServers> => startCluster({ primaries: 2, replicas: 0 })],
    ["the only server", (): Promise<RunningServers> => startRedis()],
  ] as const)("of %s that loses the end of a walk takes back that an index is ready", async (kind, start) => {
    const { store, adapter, redis, set, sweep, expectInLine } = await openIndexed(start(), "");
    await store.write(ids.map((id) => command(id, emailOf(id))));
    const last = 63;
    const lostIds = ids.filter((id) => partitionOf(id) === last);
    await set("email");
    const older = await redis.hgetall(keys.configuration(last));
    await sweep();
    expect(store.configuration()?.indexes).toMatchObject([{ state: "ready" }]);
    const { generation = 0 } = store.configuration() ?? {};
    expect(await store.countEntries(all, generation)).toBe(ids.length);

    for (const partition of kind === "the only server" ? everyPartition : [last]) {
      await redis.hset(keys.configuration(partition), older);
    }
    await redis.del(keys.sweep(last));
    await redis.del(keys.entries(last));
    for (const id of lostIds) await redis.hdel(keys.user(id), "f", "i");
    // A write to another partition that has lost the end of the build does not hide it.
    await store.write([command(ids.find((id) => partitionOf(id) === 0) ?? "", { n: 1 })]);
    // No search answers with a part of the users.
    expect(await store.countEntries(all, generation)).toBeUndefined();
    expect(await store.entries({ prefix: all, after: undefined }, 10, generation)).toBeUndefined();
    await store.check();
    expect(store.configuration()?.indexes).toMatchObject([{ state: "building" }]);
    const { done, total } = await store.progress();
    expect(done).toBe(total - lostIds.length);
    await sweep();
    await store.check();
    expect(store.configuration()?.indexes).toMatchObject([{ state: "ready" }]);
    await expectInLine();
    expect(brokenSealsIn(adapter)).toBe(0);
  });

  test.each([
    ["one primary of a cluster", (): Promise<RunningServers> => startCluster({ primaries: 2, replicas: 0 })],
    ["the only server", (): Promise<RunningServers> => startRedis()],
  ] as const)("of %s to before an index takes back that it is ready, also while another is built", async (_, start) => {
    const { store, redis, set, build, sweep, expectInLine } = await openIndexed(start(), "plan");
    const some = ["elsewhere", ...neighbours.slice(0, 20)];
    await store.write(some.map((id) => command(id, emailOf(id))));
    const lost = 0;
    const lostKeys = [
      keys.configuration(lost),
      keys.sweep(lost),
      keys.entries(lost),
      ...neighbours.slice(0, 20).map(keys.user),
    ];
    const older = await Promise.all(lostKeys.map((key) => redis.dumpBuffer(key)));
    await build("plan,email");
    await set("plan,email,phone");
    const states = () => store.configuration()?.indexes.map(({ state }) => state);
    expect(states()).toEqual(["ready", "ready", "building"]);

    for (const [at, key] of lostKeys.entries()) {
      await redis.del(key);
      await redis.restore(key, 0, older[at] ?? "");
    }
    const { indexes = [], generation = 0 } = store.configuration() ?? {};
    const emails = entryPrefix(indexes.find(({ property }) => property === "email")?.number ?? 0);
    // The search is the first to see that the partition has another configuration.
    expect(await store.countEntries(emails, generation)).toBeUndefined();
    expect(states()).toEqual(["building", "building", "building"]);
    await store.check();
    await sweep();
    await store.check();
    expect(states()).toEqual(["ready", "ready", "ready"]);
    expect(await store.countEntries(emails, store.configuration()?.generation ?? 0)).toBe(some.length);
    await expectInLine();
  });

  test("that brings back entries of an index that was dropped does not keep them", async () => {
    const { store, redis, set, sweep, build, expectInLine } = await openIndexed(startRedis(), "email");
    await store.write(ids.map((id) => command(id, emailOf(id))));
    const lost = 0;
    const older = await redis.hgetall(keys.configuration(lost));
    const sweeping = await redis.hgetall(keys.sweep(lost));
    const entries = await redis.zrangeBuffer(keys.entries(lost), "0", "-1");
    await build("plan");
    await redis.hset(keys.configuration(lost), older);
    await redis.del(keys.sweep(lost));
    await redis.hset(keys.sweep(lost), sweeping);
    await redis.zadd(keys.entries(lost), ...entries.flatMap((entry) => ["0", entry]));
    for (let check = 0; check < 2; check++) await store.check();
    await sweep();
    await store.check();
    await expectInLine();
    await set("");
    for (let pass = 0; pass < 2; pass++) await sweep();
    for (const partition of everyPartition) expect(await redis.exists(keys.entries(partition))).toBe(0);
  });
});
