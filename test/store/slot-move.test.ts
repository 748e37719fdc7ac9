/** Users whose slot is being moved to another primary, held in the middle of the move. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { StoreAdministration } from "../../src/store/administration.ts";
import { KnownConfigurations } from "../../src/store/redis/configuration/known-configurations.ts";
import { createKeys, partitionOf, slotOf } from "../../src/store/redis/keys.ts";
import { RedisNode } from "../../src/store/redis/servers/node.ts";
import type { UserStore } from "../../src/users/store.ts";
import { command, deletion, userId } from "../support/commands.ts";
import { type RedisCluster, startCluster } from "../support/redis-cluster.ts";
import { administrationOf, openRedis, switchFeatures } from "../support/stores.ts";
import { until } from "../support/until.ts";

const keys = createKeys("rollcall:");
let cluster: RedisCluster;
let store: UserStore;
let partition = 0;
/** Ids of the partition of which the test moves the slot; each test has another. */
let ids: readonly string[];

beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
  store = await openRedis(cluster.url);
  await until(() => store.check().then(() => true));
});
afterAll(async () => {
  await store.close();
  await cluster.stop();
});
beforeEach(async () => {
  partition++;
  ids = Array.from({ length: 2_000 }, (_, index) => `u${index}`)
    .filter((id) => partitionOf(id) === partition)
    .slice(0, 6);
  await store.write(ids.slice(0, 4).map((id) => command(id, { n: 1 })));
});

/** Moves two of the four users, with the index of the partition or without. */
async function halfMoved(withIndex: boolean) {
  const slot = slotOf(partition);
  const from = await cluster.primaryOf(slot);
  const to = (await cluster.primaries()).find((node) => node !== from);
  if (to === undefined) throw new Error("there is nowhere to move the slot to");
  const move = await cluster.startMove(slot, to);
  await move.move([...ids.slice(0, 2).map(keys.user), ...(withIndex ? [keys.ids(partition)] : [])]);
  return move;
}

test.each([true, false])("those that exist are written and read (index moved first: %s)", async (withIndex) => {
  const move = await halfMoved(withIndex);
  const existing = ids.slice(0, 4);
  const results = await store.write(existing.map((id) => command(id, { n: 2 })));
  expect(results.map((result) => "outcome" in result && result.outcome)).toEqual(Array(4).fill("updated"));
  const users = await store.get(ids.map(userId));
  expect(users.map((user) => user !== undefined)).toEqual([true, true, true, true, false, false]);
  expect(await store.write([command(ids[4] ?? "", { n: 1 }, { canCreate: false })])).toEqual([
    { refused: "required-missing" },
  ]);
  await move.finish();
});

test.each([true, false])("creating and deleting wait for the end of the move (index first: %s)", async (withIndex) => {
  const move = await halfMoved(withIndex);
  const [moved = "", , staying = "", , fresh = ""] = ids;
  let settled = 0;
  const count = <Result>(result: Result) => {
    settled++;
    return result;
  };
  const created = store.write([command(fresh, { n: 1 }), command(fresh, { n: 2 })]).then(count);
  const gone = store.write([deletion(moved), deletion(staying)]).then(count);
  // What comes later for the same user waits behind it; other users do not wait.
  const later = store.write([command(fresh, { n: 3 })]).then(count);
  expect(await store.write([command(ids[1] ?? "", { n: 3 })])).toMatchObject([{ outcome: "updated" }]);
  expect(settled).toBe(0);
  await move.finish();
  expect(await created).toMatchObject([{ outcome: "created" }, { outcome: "updated" }]);
  expect(await gone).toMatchObject([{ outcome: "deleted" }, { outcome: "deleted" }]);
  expect(await later).toMatchObject([{ outcome: "updated" }]);
  const listed = (await store.list(undefined, 10_000)).filter((id) => partitionOf(id) === partition);
  expect(listed.sort()).toEqual([ids[1], ids[3], fresh].sort());
});

test("a large user that several read at once is found by all of them", async () => {
  const [, , large = ""] = ids;
  await store.write([command(large, { text: "x".repeat(60_000), more: "x".repeat(60_000), most: "x".repeat(60_000) })]);
  const move = await halfMoved(true);
  const read = Array.from({ length: 3 }, () => store.get([userId(large)]));
  const [moved] = await store.get([userId(ids[0] ?? "")]);
  for (const [user] of await Promise.all(read)) expect(user?.id).toBe(large);
  expect(moved).toBeDefined();
  await move.finish();
});

test("what follows a creation that waits for the end of the move waits too, should that end meanwhile", async () => {
  const fresh = ids[4] ?? "";
  const move = await halfMoved(false);
  const run = RedisNode.prototype.run;
  const spy = vi.spyOn(RedisNode.prototype, "run").mockImplementation(async function (this: RedisNode, call, ...more) {
    const answer = await run.call(this, call, ...more);
    // By its one key the user has not been found; that the slot has moved is known to the very next call.
    if (call.writes && call.keys.length === 1) {
      spy.mockRestore();
      await move.finish();
    }
    return answer;
  });
  expect(await store.write([command(fresh, { n: 1 }), deletion(fresh)])).toMatchObject([
    { outcome: "created" },
    { outcome: "deleted" },
  ]);
  expect(await store.get([userId(fresh)])).toEqual([undefined]);
});

test("who creates with a deadline is answered then, and nothing is created", async () => {
  const move = await halfMoved(true);
  const fresh = ids[4] ?? "";
  const caller = new AbortController();
  const created = store.write([command(fresh, { n: 1 })], { signal: caller.signal });
  await store.write([command(ids[0] ?? "", { n: 5 })]);
  caller.abort(new Error("the deadline"));
  await expect(created).rejects.toThrow("the deadline");
  await move.finish();
  await until(() => store.check().then(() => true));
  expect(await store.get([userId(fresh)])).toEqual([undefined]);
});

describe("a feature that is switched on while the slot moves", () => {
  let administration: StoreAdministration;
  beforeAll(async () => {
    administration = await administrationOf(cluster.url);
    return () => administration.close();
  });
  afterEach(() => switchFeatures(administration, []));

  /** The users whose seals name the generation of the store, after the move. */
  async function sealed(): Promise<string[]> {
    const { admin } = await cluster.primaryOf(slotOf(partition));
    const { current } = await administration.read();
    const generation = current.configuration?.generation;
    const seals = await Promise.all(ids.map((id) => admin.hgetBuffer(keys.user(id), "f")));
    return ids.filter((_, at) => seals[at]?.readUInt32LE() === generation);
  }

  test("is followed by the next write of each user", async () => {
    const move = await halfMoved(true);
    await switchFeatures(administration, ["rehearsal"]);
    const existing = ids.slice(0, 4);
    const results = await store.write(existing.map((id) => command(id, { n: 2 })));
    expect(results).toMatchObject(existing.map(() => ({ outcome: "updated" })));
    await move.finish();
    expect(await sealed()).toEqual(existing);
  });

  test("is switched off again meanwhile, and its seals keep nobody from writing", async () => {
    await switchFeatures(administration, ["rehearsal"]);
    const existing = ids.slice(0, 4);
    await store.write(existing.map((id) => command(id, { n: 2 })));
    const move = await halfMoved(true);
    await switchFeatures(administration, []);
    const results = await store.write(existing.map((id) => command(id, { n: 3 })));
    expect(results).toMatchObject(existing.map(() => ({ outcome: "updated" })));
    await move.finish();
  });

  test("is told by a user's seal to a server that has not heard of it", async () => {
    const move = await halfMoved(true);
    const [first = "", second = ""] = ids;
    await switchFeatures(administration, ["rehearsal"]);
    await store.write([command(first, { n: 2 })]);
    // The server forgets what it has learnt, and what it would read is late.
    const other = await openRedis(cluster.url);
    const read = vi.spyOn(KnownConfigurations.prototype, "read").mockResolvedValueOnce();
    expect(await other.write([command(first, { n: 3 })])).toMatchObject([{ outcome: "updated" }]);
    expect(read).toHaveBeenCalledTimes(2);
    read.mockRestore();
    await other.write([command(second, { n: 3 })]);
    await other.close();
    await move.finish();
    expect(await sealed()).toEqual([first, second]);
  });
});
