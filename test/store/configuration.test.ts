/** How stores follow their configuration, each kind of store by itself. */
import { Redis } from "ioredis";
import { afterEach, describe, expect, test, vi } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { version } from "../../src/config/version.ts";
import { openStore } from "../../src/server/open-store.ts";
import type { StoreAdapter } from "../../src/store/adapter.ts";
import { isPresent, withFeatures } from "../../src/store/configuration.ts";
import { setConfigurationScript } from "../../src/store/redis/configuration/agreement.ts";
import { createKeys, everyPartition, partitionOf } from "../../src/store/redis/keys.ts";
import { RedisNode } from "../../src/store/redis/servers/node.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { command, userId } from "../support/commands.ts";
import { openStoredConfigurations } from "../support/stored-configurations.ts";
import { administrationOf, switchFeatures } from "../support/stores.ts";
import { brokenSealsIn, sweepAll } from "../support/sweep-all.ts";
import { until } from "../support/until.ts";

const unindexed = { indexes: [], nextIndex: 1, folding: "17.0.0" };
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** An empty store of a kind, and servers of it. */
async function storeOf(kind: keyof typeof openStoredConfigurations) {
  const stored = await openStoredConfigurations[kind]();
  cleanups.push(() => stored.close());
  return {
    stored,
    async open(): Promise<StoreAdapter> {
      const store = await openStore(parseStoreLocation(stored.url), {}, createLogger("silent"));
      cleanups.push(() => store.close());
      await until(() => store.check().then(() => true));
      return store;
    },
    async administration() {
      const administration = await administrationOf(stored.url);
      cleanups.push(() => administration.close());
      return administration;
    },
  };
}

describe.each(["SQLite", "Redis", "Redis Cluster"] as const)("a store in %s", (kind) => {
  test("that is empty gets one id from all servers, and this version as its maker", async () => {
    const { open, stored } = await storeOf(kind);
    const servers = kind === "SQLite" ? [await open()] : await Promise.all([open(), open(), open()]);
    for (const server of servers) await server.check();
    const forms = await stored.read();
    expect(new Set(forms.map((form) => form?.stamp)).size).toBe(1);
    const { storeId } = servers[0]?.configuration() ?? {};
    expect(storeId).toMatch(/^[0-9a-f]{20}$/);
    for (const server of servers) {
      expect(server.configuration()).toEqual({ storeId, madeBy: version(), generation: 0, features: [], ...unindexed });
    }
  });

  test("that has users is taken to be of a version before 0.2", async () => {
    const { open, stored } = await storeOf(kind);
    const before = await open();
    await before.write([command("u", { n: 1 })]);
    await before.close();
    await stored.remove();
    const after = await open();
    expect(after.configuration()).toMatchObject({ madeBy: "0.1", generation: 0 });
  });

  test("is followed by the next write and by the next check, and no call fails", async () => {
    const { open, administration } = await storeOf(kind);
    const store = await open();
    const admin = await administration();
    for (const features of [["rehearsal"], [], ["rehearsal"]] as const) {
      await switchFeatures(admin, features);
      const [result] = await store.write([command("u", { on: features.length, at: Math.random() })]);
      expect(result).toMatchObject({ etag: expect.any(String) });
      await store.check();
      expect(store.configuration()?.features).toEqual(features);
    }
    expect(store.configuration()?.generation).toBe(3);
    expect(brokenSealsIn(store)).toBe(0);
  });
});

test("a partition whose configuration something else has overwritten is read and not written, and the others serve", async () => {
  const { open, stored } = await storeOf("Redis");
  const store = await open();
  await store.write([command("u", { n: 1 })]);
  const [id, other] = [userId("u"), "v"];
  expect(partitionOf(id)).not.toBe(partitionOf(other));
  const key = createKeys("rollcall:").configuration(partitionOf(id));
  const redis = new Redis(stored.url);
  cleanups.push(() => redis.disconnect());
  const overwritten = [
    () => redis.hset(key, { stamp: "x", configuration: "no JSON" }),
    () => redis.multi().del(key).set(key, "nobody's").exec(),
  ];
  for (const overwrite of overwritten) {
    await overwrite();
    await store.check();
    expect(await store.get([id])).toMatchObject([{ id }]);
    await expect(store.write([command(id, { n: 2 })])).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
    expect(await store.write([command(other, { at: Math.random() })])).toMatchObject([{ etag: expect.any(String) }]);
  }
  await redis.del(key);
  await store.check();
  expect(await store.write([command(id, { n: 2 })])).toMatchObject([{ outcome: "updated" }]);
});

describe("a store in Redis", () => {
  test("that has lost its configuration gets it back from a server that knows it", async () => {
    const { open, administration, stored } = await storeOf("Redis");
    const store = await open();
    await switchFeatures(await administration(), ["rehearsal"]);
    await store.check();
    const before = store.configuration();
    await stored.remove();
    await store.check();
    const forms = await stored.read();
    expect(new Set(forms.map((form) => form?.stamp)).size).toBe(1);
    expect(store.configuration()).toEqual(before);
  });

  test("of which a part is back in an older state is sealed anew, and no older server is suspected", async () => {
    const { open, administration, stored } = await storeOf("Redis");
    const store = await open();
    const ids = Array.from({ length: 300 }, (_, n) => `u${n}`);
    await store.write(ids.map((id) => command(id, { n: 1 })));
    const [older] = await stored.read();
    if (older === undefined) throw new Error("the store has no configuration");
    await switchFeatures(await administration(), ["rehearsal"]);
    await store.check();
    await sweepAll(store);
    expect(store.configuration()?.seals?.complete).toBe(true);

    const partition = partitionOf("u0");
    const keys = createKeys("rollcall:");
    const redis = new Redis(stored.url);
    cleanups.push(() => redis.disconnect());
    await stored.write(older, [partition]);
    await redis.del(keys.sweep(partition));
    for (const id of ids.filter((each) => partitionOf(each) === partition)) await redis.hdel(keys.user(id), "f");
    for (let check = 0; check < 2; check++) await store.check();
    expect(store.configuration()?.seals?.complete).toBe(false);
    expect(new Set((await stored.read()).map((form) => form?.stamp)).size).toBe(1);
    await store.write([command("u0", { n: 2 })]);
    await sweepAll(store);
    expect(store.configuration()?.seals?.complete).toBe(true);
    expect(brokenSealsIn(store)).toBe(0);
    for (const id of ids) expect(await redis.hexists(keys.user(id), "f")).toBe(1);
  });
});

describe("a store in Redis Cluster", () => {
  test("whose failover has lost a change gets it back before anything is written there", async () => {
    const { open, administration, stored } = await storeOf("Redis Cluster");
    const store = await open();
    const [before] = await stored.read();
    await switchFeatures(await administration(), ["rehearsal"]);
    await store.check();
    await store.write([command("u", { n: 1 })]);
    const lost = partitionOf("u");
    if (before === undefined) throw new Error("the store has no configuration");
    await stored.write(before, [lost]);
    await store.write([command("u", { n: 2 })]);
    const forms = await stored.read();
    expect(new Set(forms.map((form) => form?.stamp)).size).toBe(1);
    expect(forms[lost]?.configuration["features"]).toBe(1);
    // A write without a seal would have broken it.
    await store.write([command("u", { n: 3 })]);
    expect(brokenSealsIn(store)).toBe(0);
  });

  test("does not say that a change is made which another of the same generation has undone", async () => {
    const { open, administration, stored } = await storeOf("Redis Cluster");
    await open();
    const admin = await administration();
    const { current } = await admin.read();
    const [form] = await stored.read();
    if (!isPresent(current)) throw new Error("the store has no configuration");
    const generation = current.configuration.generation + 1;
    // Its stamp is the greater one.
    const other = { stamp: `${generation}.z`, configuration: { ...form?.configuration, generation } };
    const { run } = RedisNode.prototype;
    const spy = vi.spyOn(RedisNode.prototype, "run").mockImplementation(async function (
      this: RedisNode,
      call,
      ...more
    ) {
      const answer = await run.call(this, call, ...more);
      if ("script" in call && call.script.sha === setConfigurationScript.sha) {
        spy.mockRestore();
        // A server mends another partition at the same time.
        await stored.write(other, [5]);
      }
      return answer;
    });
    const changed = admin.change(current, withFeatures(current.configuration, ["rehearsal"]));
    await expect(changed).rejects.toThrow("another change at the same time has undone the change");
    // The same command works then.
    await switchFeatures(admin, ["rehearsal"]);
    const forms = await stored.read();
    expect(new Set(forms.map((each) => each?.stamp)).size).toBe(1);
    expect(forms[0]?.configuration["features"]).toBe(1);
  });

  test("has the newest configuration of most partitions; another store's is left alone", async () => {
    const { open, stored } = await storeOf("Redis Cluster");
    const store = await open();
    const [mine] = await stored.read();
    const other = { stamp: "9.x", configuration: { ...mine?.configuration, storeId: "another", generation: 9 } };
    await stored.write(other, [7]);
    await stored.remove([8]);
    await store.check();
    const forms = await stored.read();
    expect(forms[7]).toEqual(other);
    for (const partition of everyPartition.filter((each) => each !== 7)) expect(forms[partition]).toEqual(mine);
    expect(store.configuration()?.storeId).toBe(mine?.configuration["storeId"]);
  });
});
