/** Indexes of users whose slot is being moved to another primary, held in the middle of the move. */
import { expect, test } from "vitest";
import { createKeys, partitionOf, slotOf } from "../../src/store/redis/keys.ts";
import { entryPrefix } from "../../src/users/indexes/entries.ts";
import type { WriteCommand } from "../../src/users/store.ts";
import { command, deletion, edit, setPreferences } from "../support/commands.ts";
import { type IndexedStore, openIndexed } from "../support/indexed-redis.ts";
import { type RedisCluster, startCluster } from "../support/redis-cluster.ts";
import { until } from "../support/until.ts";

const keys = createKeys("rollcall:");
const partition = 9;
const ids = Array.from({ length: 5_000 }, (_, n) => `u${n}`)
  .filter((id) => partitionOf(id) === partition)
  .slice(0, 8);
const elsewhere = Array.from({ length: 40 }, (_, n) => `v${n}`).filter((id) => partitionOf(id) !== partition);

/** Users with values, of whom two have been moved; with the entries of their partition, or without. */
async function halfMoved(withEntries: boolean) {
  const indexed = await openIndexed(startCluster({ primaries: 2, replicas: 0 }), "email,plan");
  await indexed.store.write([...ids, ...elsewhere].map((id) => command(id, { email: id, plan: "pro", n: 0 })));
  return { indexed, move: await startMove(indexed, withEntries) };
}

async function startMove({ servers: cluster }: IndexedStore<RedisCluster>, withEntries: boolean) {
  const slot = slotOf(partition);
  const from = await cluster.primaryOf(slot);
  const to = (await cluster.primaries()).find((node) => node !== from);
  if (to === undefined) throw new Error("there is nowhere to move the slot to");
  const move = await cluster.startMove(slot, to);
  await move.move([...ids.slice(0, 2).map(keys.user), ...(withEntries ? [keys.entries(partition)] : [])]);
  return move;
}

test.each([true, false])(
  "what changes no entry is written, the rest waits (entries moved first: %s)",
  async (first) => {
    const { indexed, move } = await halfMoved(first);
    const { store, expectInLine } = indexed;
    const at = (n: number) => ids[n] ?? "";
    const going: WriteCommand[] = [
      command(at(0), { n: 1 }),
      command(at(2), { email: at(2), plan: "pro", n: 1 }),
      edit(at(3), { setOnce: { email: "loses" }, unset: ["n"] }),
      edit(at(1), { unset: ["missing"], set: { n: 3 } }),
      setPreferences(at(4), { theme: "dark" }),
    ];
    expect(await store.write(going)).toMatchObject(going.map(() => ({ outcome: "updated" })));
    let settled = 0;
    const waiting = [
      command(at(0), { email: "changed" }),
      edit(at(3), { unset: ["plan"] }),
      edit(at(4), { set: { email: "changed", n: 2 } }, { observedAt: Date.now() * 1_000 }),
      deletion(at(5)),
      // Whoever must not learn what is stored.
      command(at(6), { email: at(6) }, { hidesOutcome: true }),
    ];
    const answers = waiting.map((each) =>
      store.write([each]).then(([result]) => {
        settled++;
        return result;
      }),
    );
    // What follows for the same user waits behind it, and others go on.
    const later = store.write([command(at(0), { n: 2 })]);
    expect(
      await store.write([command(at(1), { n: 4 }), ...elsewhere.map((id) => command(id, { email: "changed" }))]),
    ).toMatchObject([at(1), ...elsewhere].map(() => ({ outcome: "updated" })));
    expect(settled).toBe(0);
    await move.finish();
    const outcomes = (await Promise.all(answers)).map((result) =>
      result !== undefined && "outcome" in result ? result.outcome : result,
    );
    expect(outcomes).toEqual(["updated", "updated", "updated", "deleted", "unchanged"]);
    expect(await later).toMatchObject([{ outcome: "updated" }]);
    await expectInLine();
  },
);

test.each([true, false])("searches find the users of the slot (entries moved first: %s)", async (first) => {
  const { indexed, move } = await halfMoved(first);
  const { store, redis } = indexed;
  const { generation = -1, indexes = [] } = store.configuration() ?? {};
  const prefix = entryPrefix(indexes[1]?.number ?? 0);
  const total = ids.length + elsewhere.length;
  expect(await store.entries({ prefix, after: undefined }, 1_000, generation)).toHaveLength(total);
  expect(await store.countEntries(prefix, generation)).toBe(total);
  expect(await store.count()).toBe(total);
  expect(await store.progress()).toEqual({ done: total, total });

  // The configuration of the slot changes meanwhile, which this server hears of by its search.
  const { store: other } = await indexed.another();
  expect(await other.countEntries(prefix, generation)).toBe(total);
  await redis.hset(keys.configuration(partition), "stamp", "another");
  expect(await other.entries({ prefix, after: undefined }, 1_000, generation)).toBeUndefined();
  await indexed.set("email");
  await move.finish();
  await until(async () => {
    await indexed.sweep();
    return store.configuration()?.indexes.length === 1;
  });
  await indexed.expectInLine();
});

test("a user whose seal an older server has broken waits too, whatever is written", async () => {
  const indexed = await openIndexed(startCluster({ primaries: 2, replicas: 0 }), "email");
  const { store, redis, expectInLine } = indexed;
  await store.write(ids.map((id) => command(id, { email: id })));
  const [id = ""] = ids;
  const meta = await redis.hgetBuffer(keys.user(id), "meta");
  await redis.hset(
    keys.user(id),
    "meta",
    Buffer.concat([meta?.subarray(0, 16) ?? Buffer.alloc(0), Buffer.from("older")]),
  );
  const move = await startMove(indexed, true);
  let isSettled = false;
  const written = store.write([command(id, { n: 1 })]).then((results) => {
    isSettled = true;
    return results;
  });
  expect(await store.write([command(ids[1] ?? "", { n: 1 })])).toMatchObject([{ outcome: "updated" }]);
  expect(isSettled).toBe(false);
  await move.finish();
  expect(await written).toMatchObject([{ outcome: "updated" }]);
  await expectInLine();
});
