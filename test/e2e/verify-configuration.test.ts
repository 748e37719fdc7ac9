/** What `rollcall verify` says of seals, of configurations, and of what does not belong in a store. */
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openAdministration, openStore } from "../../src/server/open-store.ts";
import { type Present, withFeatures } from "../../src/store/configuration.ts";
import { createKeys, partitionOf } from "../../src/store/redis/keys.ts";
import { sealOf } from "../../src/store/seal.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import type { StoreConfiguration } from "../../src/users/store-configuration.ts";
import { openBesideStore } from "../support/beside-store.ts";
import { command, deletion } from "../support/commands.ts";
import { temporaryFolder } from "../support/files.ts";
import { rollcall } from "../support/processes.ts";
import { openSpoilt, type SpoiltStore } from "../support/spoilt-stores.ts";
import { openStoredConfigurations, withUnknownFeature } from "../support/stored-configurations.ts";
import { openRedis } from "../support/stores.ts";
import { sweepAll } from "../support/sweep-all.ts";
import { until } from "../support/until.ts";
import { verified } from "../support/verified.ts";

describe.each(["SQLite", "Redis", "Redis Cluster"] as const)("seals in %s", (name) => {
  let spoilt: SpoiltStore;
  beforeEach(async () => {
    spoilt = await openSpoilt[name]();
    await spoilt.store.write(["a", "b"].map((id) => command(id, { n: 1 })));
  });
  afterEach(() => spoilt.close());

  const configure = async (next: (configuration: StoreConfiguration) => Present) => {
    const administration = await openAdministration(parseStoreLocation(spoilt.url), {}, createLogger("silent"));
    try {
      const { current } = await administration.read();
      if (current.configuration === undefined) throw new Error("the store has no configuration");
      expect(await administration.change(current, next(current.configuration))).toBe(true);
    } finally {
      administration.close();
    }
  };
  const found = async () => {
    const { findings } = await verified(spoilt.url);
    return findings.map(({ id, check }) => [id, check]).toSorted();
  };

  test("are not there while the store has never had a feature", async () => {
    await spoilt.seal("a", sealOf(1, "an etag"));
    expect(await found()).toEqual([["a", "seal"]]);
    await configure((configuration) => withFeatures(configuration, ["rehearsal"]));
    await configure((configuration) => withFeatures(configuration, []));
    // Servers have yet to remove it.
    expect(await found()).toEqual([]);
  });

  test("are there while a feature is on, once all users have them, and whole", async () => {
    await configure((configuration) => withFeatures(configuration, ["rehearsal"]));
    const written = ["c", "d", "e"];
    await spoilt.store.write(written.map((id) => command(id, { n: 1 })));
    expect(await found()).toEqual([]);
    await spoilt.seal("c", sealOf(1, "the etag of another write"));
    expect(await found()).toEqual([["c", "seal"]]);

    await sealAll(spoilt.url);
    expect(await found()).toEqual([]);
    for (const id of ["a", "b"]) await spoilt.seal(id, sealOf(1, "the etag of another write"));
    for (const id of ["c", "d"]) await spoilt.seal(id, Buffer.from("x"));
    expect(await found()).toEqual(["a", "b", "c", "d"].map((id) => [id, "seal"]));
    await spoilt.store.write(["a", "b", "c", "d"].map((id) => command(id, { n: 2 })));
    expect(await found()).toEqual([]);
  });
});

/** Does the background work of a store. */
async function sealAll(url: string): Promise<void> {
  const store = await openStore(parseStoreLocation(url), {}, createLogger("silent"));
  try {
    await until(() => store.check().then(() => true));
    await sweepAll(store);
    await store.check();
    expect(store.configuration()?.seals?.complete).toBe(true);
  } finally {
    await store.close();
  }
}

test.each(["SQLite", "Redis", "Redis Cluster"] as const)(
  "a store in %s with a feature of a newer version is left to that version",
  async (name) => {
    const stored = await openStoredConfigurations[name]();
    onTestFinished(() => stored.close());
    const location = parseStoreLocation(stored.url);
    const store = location.kind === "sqlite" ? await openSqliteStore(location.path) : await openRedis(stored.url);
    await until(() => store.check().then(() => store.configuration() !== undefined));
    await store.close();
    const [form] = await stored.read();
    if (form === undefined) throw new Error("the store has no configuration");
    await stored.write(withUnknownFeature(form));
    const { status, stdout, stderr } = await rollcall(["verify", "--store", stored.url]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("the store has features that this version of Rollcall does not know (bits 30)");
  },
);

test("what is not Rollcall's in SQLite is named: tables, columns, indexes, triggers, views", async () => {
  const path = join(temporaryFolder(), "users.db");
  await (await openSqliteStore(path)).close();
  const other = openBesideStore(path);
  onTestFinished(() => other.close());
  const found = async () => {
    const { findings } = await verified(`sqlite:${path}`);
    return findings.map(({ id, check }) => [id, check]).toSorted();
  };
  expect(await found()).toEqual([]);
  other.exec(
    "CREATE TABLE notes (n); CREATE VIEW some AS SELECT id FROM user; ALTER TABLE user ADD COLUMN age INTEGER",
  );
  other.exec("CREATE INDEX by_time ON user (updated_at); ALTER TABLE store ADD COLUMN note TEXT");
  other.exec("CREATE TRIGGER told AFTER DELETE ON user BEGIN INSERT INTO notes VALUES (1); END");
  expect(await found()).toEqual(
    ["notes", "some", "user.age", "by_time", "store.note", "told"].map((name) => [name, "layout"]).toSorted(),
  );
});

test.each([
  ["is no JSON", "UPDATE store SET configuration = 'text'", "store", "configuration"],
  ["is there twice", "INSERT INTO store SELECT * FROM store", "store", "configuration"],
  ["has an empty stamp", "UPDATE store SET stamp = ''", "store", "configuration"],
  ["contradicts the layout version", "PRAGMA user_version = 2", "user_version", "layout"],
])("a configuration in SQLite that %s is named", async (_, statement, id, check) => {
  const path = join(temporaryFolder(), "users.db");
  await (await openSqliteStore(path)).close();
  const other = openBesideStore(path);
  other.exec(statement);
  other.close();
  expect(await verified(`sqlite:${path}`)).toMatchObject({ status: 1, findings: [{ id, check }] });
});

test("what is not Rollcall's in Redis is named: keys, and configurations and tombstones that are not as servers leave them", async () => {
  const stored = await openStoredConfigurations.Redis();
  onTestFinished(() => stored.close());
  const store = await openRedis(stored.url);
  await until(() => store.check().then(() => store.configuration() !== undefined));
  await store.write([command("u", { n: 1 }), deletion("u")]);
  await store.close();
  const redis = new Redis(stored.url);
  onTestFinished(() => redis.disconnect());
  const keys = createKeys("rollcall:");
  const found = async () => {
    const { findings } = await verified(stored.url);
    return findings.map(({ id, check }) => [id, check]).toSorted();
  };
  // As version 0.1 left them.
  await redis.set(keys.tombstones(0).replace("tombstones", "deleted:an-etag"), "", "EX", 100);
  expect(await found()).toEqual([]);

  const [form] = await stored.read();
  if (form === undefined) throw new Error("the store has no configuration");
  const { configuration } = form;
  const strays = ["other", "deleted:lasting", "ids:old"].map((kind) => keys.ids(1).replace("ids", kind));
  for (const key of [...strays, "rollcall:{zz}:ids"]) await redis.set(key, "text");
  await stored.remove([10]);
  await stored.write({ stamp: "0", configuration }, [11]);
  await stored.write({ stamp: "another", configuration: { ...configuration, storeId: "another" } }, [12]);
  await redis.del(keys.configuration(13));
  await redis.set(keys.configuration(13), "text");
  await redis.hset(keys.configuration(14), "configuration", "text");
  await redis.expire(keys.configuration(15), 1_000);
  await redis.set(keys.tombstones(16), "text");
  await redis.expire(keys.tombstones(partitionOf("u")), 1_000);
  await redis.set(keys.sweep(17), "text");
  const expected = [
    ...strays.map((key) => [key, "key"]),
    ["rollcall:{zz}:ids", "place"],
    ...[10, 11, 12, 13, 14].map((partition) => [keys.configuration(partition), "configuration"]),
    [keys.configuration(15), "expiry"],
    [keys.tombstones(16), "tombstones"],
    [keys.sweep(17), "sweep"],
    [keys.tombstones(partitionOf("u")), "expiry"],
  ];
  expect(await found()).toEqual(expected.toSorted());
});
