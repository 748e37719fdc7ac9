/** An index in Redis that is something else than a sorted set: no write is left half done. */
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { createKeys, partitionOf } from "../../src/store/redis/keys.ts";
import { command, deletion, userId } from "../support/commands.ts";
import { redisWith, storeIn } from "../support/for-one-test.ts";

const keys = createKeys("rollcall:");
const spoilt = userId("spoilt");
const partition = partitionOf(spoilt);
const ids = Array.from({ length: 100 }, (_, n) => userId(`other ${n}`)).filter((id) => partitionOf(id) !== partition);

test("leaves no user behind that no listing has, lets users be deleted, and harms its own users alone", async () => {
  const { url } = await redisWith();
  const admin = new Redis(url);
  onTestFinished(() => admin.disconnect());
  const store = await storeIn(url);
  await store.write([command(spoilt, { n: 1 })]);
  await admin.set(keys.ids(partition), "something else");

  expect(await store.write([deletion(spoilt)])).toMatchObject([{ outcome: "deleted" }]);
  expect(await admin.exists(keys.user(spoilt))).toBe(0);

  // Of somebody who is not there.
  expect(await store.write([deletion(spoilt)])).toEqual([{ refused: "not-found" }]);

  // In one script.
  const created = [spoilt, ...ids].map((id) => store.write([command(id, { n: 1 })]));
  const [first, ...others] = await Promise.allSettled(created);
  expect(first).toMatchObject({ status: "rejected", reason: { message: expect.stringContaining("WRONGTYPE") } });
  expect(others).toEqual(ids.map(() => expect.objectContaining({ status: "fulfilled" })));
  expect(await admin.exists(keys.user(spoilt))).toBe(0);

  // Which listing it is, and what to run.
  const named = `overwritten the listing ${keys.ids(partition)}, which is no sorted set; rollcall verify tells more`;
  expect(first).toMatchObject({ reason: { message: expect.stringContaining(named) } });
  await expect(store.list(undefined, 1_000)).rejects.toThrow(named);

  // Created and deleted at once, it is neither.
  const both = await Promise.allSettled([store.write([command(spoilt, { n: 1 }), deletion(spoilt)])]);
  expect(both).toMatchObject([{ status: "rejected" }]);
  expect(await admin.exists(keys.user(spoilt))).toBe(0);
  expect(await admin.get(keys.ids(partition))).toBe("something else");

  await admin.del(keys.ids(partition));
  await store.write([command(spoilt, { n: 1 })]);
  expect((await store.list(undefined, 1_000)).toSorted()).toEqual([spoilt, ...ids].toSorted());
});

test("keeps no server from serving, also where the store has no configuration yet", async () => {
  const { url } = await redisWith();
  const admin = new Redis(url);
  onTestFinished(() => admin.disconnect());
  await admin.set(keys.ids(partition), "something else");
  const store = await storeIn(url);
  expect(await store.check()).toEqual([]);
  // Users may be there that no listing has.
  expect(store.configuration()).toMatchObject({ madeBy: "0.1", generation: 0 });
});
