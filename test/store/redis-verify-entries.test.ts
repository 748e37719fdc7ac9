/** What `rollcall verify` says of indexes in Redis. */
import { describe, expect, test } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openVerifier } from "../../src/server/open-store.ts";
import { createKeys, partitionOf } from "../../src/store/redis/keys.ts";
import type { Finding } from "../../src/store/verify/verifier.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { entryOf, entryPrefix } from "../../src/users/indexes/entries.ts";
import { command, deletion } from "../support/commands.ts";
import { type IndexedStore, openIndexed, type RunningServers } from "../support/indexed-redis.ts";
import { below, seededRandom } from "../support/random.ts";
import { startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { canonical } from "../support/struct.ts";

const keys = createKeys("rollcall:");
const text = (value: string) => Buffer.from(`\x03${value}\0\x01`);
const ids = Array.from({ length: 1_200 }, (_, n) => `user ${n}`);

async function findings({ servers }: IndexedStore, meanwhile = async () => {}): Promise<string[]> {
  const verifier = await openVerifier(parseStoreLocation(servers.url), {}, createLogger("silent"));
  const found: Finding[] = [];
  for await (const slice of verifier.walk()) {
    found.push(...slice.findings);
    await meanwhile();
  }
  verifier.close();
  return found.map(({ id, check, problem }) => `${Buffer.from(id)} (${check}) ${problem}`).toSorted();
}

/** What another program does to entries and users. */
function spoiler({ redis, entriesKey }: IndexedStore) {
  const entry = (number: number, value: string, id: string) => Buffer.from(entryOf(number, text(value), id));
  return {
    add: (number: number, value: string, id: string, score = "0") =>
      redis.zadd(entriesKey(id), score, entry(number, value, id)),
    remove: (number: number, value: string, id: string) => redis.zrem(entriesKey(id), entry(number, value, id)),
    put: (id: string, field: string, value: Uint8Array) => redis.hset(keys.user(id), field, Buffer.from(value)),
  };
}

function fieldOf(...entries: readonly (readonly [number: number, value: string])[]): Buffer {
  const starts = entries.map(([number, value]) => entryPrefix(number, text(value)));
  return Buffer.concat(starts.flatMap((start) => [Buffer.of(start.length, 0), start]));
}

describe.each([
  ["a server", (): Promise<RunningServers> => startRedis()],
  ["a cluster", (): Promise<RunningServers> => startCluster({ primaries: 2, replicas: 0 })],
] as const)("in %s", (_, start) => {
  test("users without their entries are named, and entries without their users", async () => {
    const indexed = await openIndexed(start(), "");
    const { store, redis, set, sweep } = indexed;
    await store.write(ids.map((id) => command(id, { email: id, plan: "pro" }, { wantUser: false })));
    await set("email,plan");
    expect(await findings(indexed)).toEqual([]);
    await sweep();
    await store.check();
    expect(await findings(indexed)).toEqual([]);

    const { add, remove, put } = spoiler(indexed);
    await remove(1, "user 3", "user 3");
    await add(1, "another", "user 4");
    await add(2, "pro", "nobody");
    await add(9, "pro", "user 5");
    await put("user 6", "properties", canonical({ email: "user 6", plan: "free" }));
    await put("user 7", "i", fieldOf([1, "user 7"]));
    await put("user 8", "i", Buffer.from("x"));
    await redis.hdel(keys.user("user 9"), "i");
    await put("user 10", "i", fieldOf([1, "user 10"], [2, "pro"], [9, "pro"]));
    await add(2, "pro", "user 11", "5");
    await put("user 12", "properties", Buffer.from("no Struct"));
    await redis.zadd(indexed.entriesKey("user 3"), "0", "foreign");
    const unnamed = (name: string) => `has an entry in the index of ${name} that its record does not name`;
    expect(await findings(indexed)).toEqual(
      [
        "user 3 (entries) has no entry in the index of email",
        "user 3 (entries) names an entry in its field i that the index of email lacks",
        `user 4 (entries) ${unnamed("email")}`,
        "nobody (entries) has an entry in the index of plan, and there is no such user",
        "user 5 (entries) has an entry in an index that does not exist (number 9)",
        "user 6 (entries) has an entry in the index of plan that is not its value",
        "user 7 (entries) has no entry in the index of plan",
        `user 7 (entries) ${unnamed("plan")}`,
        "user 8 (entries) has a field i that cannot be read",
        ...["email", "plan"].map((name) => `user 8 (entries) ${unnamed(name)}`),
        "user 8 (entries) has no entry in the index of email",
        "user 9 (entries) has no entry in the index of email",
        ...["email", "plan"].map((name) => `user 9 (entries) ${unnamed(name)}`),
        "user 10 (entries) names an entry in its field i of an index that does not exist (number 9)",
        "user 11 (entries) has no entry in the index of plan",
        "user 11 (entries) names an entry in its field i that the index of plan lacks",
        "user 11 (entries) has an entry in the index of plan with a score: FindUsers may leave it out",
        "user 12 (properties) has properties that are no canonical Struct within the limits",
        `${indexed.entriesKey("user 3")} (entries) has an entry that cannot be read`,
      ].toSorted(),
    );
  });
});

test("while an index is built or dropped, nothing is wrong with users that lack entries or still have them", async () => {
  const indexed = await openIndexed(startRedis(), "");
  const { store, adapter, set, sweep } = indexed;
  await store.write(ids.map((id) => command(id, { email: id }, { wantUser: false })));
  await set("email");
  await store.write([command("user 0", { email: "x" })]);
  expect(await findings(indexed)).toEqual([]);
  // Some of them.
  for (let partition = 0; partition < 20; partition++) await adapter.sweep?.sweep(partition);
  expect(await findings(indexed)).toEqual([]);
  // An entry that is not the user's value is wrong in any case.
  await spoiler(indexed).add(1, "another", "user 1");
  expect(await findings(indexed)).toEqual([
    "user 1 (entries) has an entry in the index of email that its record does not name",
  ]);
  await spoiler(indexed).remove(1, "another", "user 1");
  await sweep();
  await set("plan");
  await store.write([command("user 0", { email: "y" }), deletion("user 1")]);
  for (let partition = 0; partition < 20; partition++) await adapter.sweep?.sweep(partition);
  expect(await findings(indexed)).toEqual([]);
});

test("nothing is wrong with users that are written meanwhile, also while the indexes change", async () => {
  const indexed = await openIndexed(startRedis(), "email,plan:fold");
  const { store, set, sweep } = indexed;
  const random = seededRandom(3);
  const id = () => `user ${below(random, 2_000)}`;
  const write = () =>
    store.write([
      ...Array.from({ length: 60 }, (_, n) => command(id(), { email: `${random()}`, plan: `${n % 3}` })),
      ...Array.from({ length: 20 }, () => deletion(id(), { allowMissing: true })),
    ]);
  for (let n = 0; n < 30; n++) await write();
  let slices = 0;
  const changes = ["plan:fold", "plan:fold,email", "email"];
  const found = await findings(indexed, async () => {
    await write();
    if (slices++ % 20 !== 0) return;
    await set(changes[((slices / 20) % 3) | 0] ?? "");
    await sweep();
  });
  expect(found).toEqual([]);
  expect(slices).toBeGreaterThan(60);
});

test("entries that are no sorted set, or have a time to live, are named", async () => {
  const indexed = await openIndexed(startCluster({ primaries: 2, replicas: 0 }), "email");
  const { store, redis } = indexed;
  await store.write(ids.slice(0, 200).map((id) => command(id, { email: id })));
  const [overwritten, expiring] = [partitionOf("user 0"), partitionOf("user 1")];
  await redis.set(keys.entries(overwritten), "nobody's");
  await redis.expire(keys.entries(expiring), 1_000);
  expect(await findings(indexed)).toEqual(
    [
      `${keys.entries(overwritten)} (indexes) is no sorted set: no user of partition ${overwritten} is found or indexed`,
      `${keys.entries(expiring)} (expiry) has a time to live: when it is over, no user of partition ${expiring} is found`,
    ].toSorted(),
  );
});

test("on a single server, the only set of entries is examined, and entries elsewhere are named", async () => {
  const indexed = await openIndexed(startRedis(), "email");
  const { store, redis } = indexed;
  await store.write(ids.slice(0, 20).map((id) => command(id, { email: id })));
  await redis.zadd(keys.entries(7), 0, Buffer.from(entryOf(1, text("user 1"), "user 1")));
  await redis.expire(keys.entries(0), 1_000);
  expect(await findings(indexed)).toEqual(
    [
      `${keys.entries(0)} (expiry) has a time to live: when it is over, no user is found`,
      "user 1 (entries) has an entry in the index of email that is kept in partition 7, where no server looks for it",
    ].toSorted(),
  );
  await redis.del(keys.entries(7));
  await redis.set(keys.entries(0), "nobody's");
  expect(await findings(indexed)).toEqual([
    `${keys.entries(0)} (indexes) is no sorted set: no user is found or indexed`,
  ]);
});
