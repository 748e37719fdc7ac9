/** A script that changes entries in Redis does no more at a time than one that does not. */
import { expect, test } from "vitest";
import { partitionOf } from "../../src/store/redis/keys.ts";
import { maxScriptWork } from "../../src/store/redis/script-limits.ts";
import { command, deletion } from "../support/commands.ts";
import { openIndexed } from "../support/indexed-redis.ts";
import { startRedis } from "../support/redis.ts";

const names = [..."abcdefgh"];
const allNames = names.join();
/** All in one partition, which has no others. */
const neighbours = Array.from({ length: 40_000 }, (_, n) => `u${n}`)
  .filter((id) => partitionOf(id) === 0)
  .slice(0, 400);
const properties = Object.fromEntries(names.map((name) => [name, "value"]));

/** An entry that is added or removed takes Redis as long as to copy so many bytes. */
const entryWork = 256;

test("deletions take a script for as many entries as it removes in a millisecond or two", async () => {
  const { adapter, redis } = await openIndexed(startRedis(), allNames);
  const ids = neighbours.slice(0, 128);
  for (const id of ids) await adapter.write([command(id, properties)]);
  const calls = async () => {
    const statistics = String(await redis.info("commandstats"));
    return [...statistics.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  };
  const before = await calls();
  const results = await adapter.write(ids.map((id) => deletion(id)));
  expect(results).toMatchObject(ids.map(() => ({ outcome: "deleted" })));
  expect(await calls()).toBeGreaterThan(before + (ids.length * names.length * entryWork) / maxScriptWork);
});

test("the more entries users have, the fewer of them a slice looks at, also if their indexes are dropped", async () => {
  const { adapter, set, sweep } = await openIndexed(startRedis(), "");
  for (let at = 0; at < neighbours.length; at += 100) {
    await adapter.write(neighbours.slice(at, at + 100).map((id) => command(id, properties)));
  }
  /** The most users that a slice has seen, after the entries of dropped indexes are gone. */
  const mostSeen = async (indexes: string) => {
    await set(indexes);
    const seen: number[] = [];
    for (let isDone = false; !isDone; ) {
      const slice = await adapter.sweep?.sweep(0);
      isDone = slice?.isDone ?? true;
      seen.push(slice?.items ?? 0);
    }
    // What trims entries sees as many as it may.
    const most = Math.max(...seen.filter((items) => items < 500));
    expect(seen.filter((items) => items < 500).reduce((sum, items) => sum + items, 0)).toBe(neighbours.length);
    await sweep();
    await sweep();
    return most;
  };
  expect(await mostSeen("a")).toBe(128);
  expect(await mostSeen(allNames)).toBe(16);
  expect(await mostSeen("a")).toBe(16);
  expect(await mostSeen(allNames)).toBe(16);
  expect(await mostSeen("")).toBe(16);
});
