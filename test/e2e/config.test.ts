/** `rollcall config`: what it shows and changes in each kind of store, and when it changes nothing. */
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openAdministration } from "../../src/server/open-store.ts";
import type { StoreAdministration } from "../../src/store/administration.ts";
import { type Stamped, withFeatures } from "../../src/store/configuration.ts";
import { createKeys, everyPartition, partitionTags, slotOf } from "../../src/store/redis/keys.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { redisWith } from "../support/for-one-test.ts";
import { rollcall } from "../support/processes.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { asUser, createUser, documented } from "../support/redis-users.ts";
import {
  openStoredConfigurations,
  type StoredConfigurations,
  type StoredForm,
} from "../support/stored-configurations.ts";
import { until } from "../support/until.ts";
import { useStore } from "../support/use-store.ts";

const summary = expect.stringContaining("seals every user");

async function config(words: string, url: string) {
  const { status, stdout, stderr } = await rollcall(["config", ...words.split(" "), "--store", url]);
  return { status, answer: stdout === "" ? undefined : JSON.parse(stdout), stderr };
}

async function administer(url: string): Promise<StoreAdministration> {
  const administration = await openAdministration(parseStoreLocation(url), {}, createLogger("silent"));
  onTestFinished(() => administration.close());
  return administration;
}

const madeBy = (form: StoredForm | undefined, version: string): StoredForm => ({
  stamp: `${form?.stamp}.`,
  configuration: { ...form?.configuration, madeBy: version },
});

describe.each(["SQLite", "Redis", "Redis Cluster"] as const)("a store in %s", (name) => {
  let stored: StoredConfigurations;
  beforeEach(async () => {
    stored = await openStoredConfigurations[name]();
    await useStore(stored.url, "u");
  });
  afterEach(() => stored.close());
  const { length } = name === "SQLite" ? [0] : everyPartition;
  const bits = async () => new Set((await stored.read()).map((form) => form?.configuration["features"]));

  test("has its features switched on and off, in every partition, and a dry run changes nothing", async () => {
    const before = await stored.read();
    expect(before).toHaveLength(length);
    const first = before[0]?.configuration;
    const shown = { store_id: first?.["storeId"], made_by: first?.["madeBy"], deviations: [] };
    const rehearsal = { name: "rehearsal", summary };
    const indexes = { name: "indexes", enabled: false };
    expect(await config("show", stored.url)).toMatchObject({
      status: 0,
      answer: {
        ...shown,
        generation: 0,
        features: [{ ...rehearsal, enabled: false }, indexes],
        seals: { since: null },
      },
    });

    const enabled = { feature: "rehearsal", enabled: true, changed: true, dry_run: false, generation: 1 };
    expect(await config("enable rehearsal --dry-run", stored.url)).toMatchObject({
      status: 0,
      answer: { ...enabled, dry_run: true },
    });
    expect(await stored.read()).toEqual(before);

    expect(await config("enable rehearsal", stored.url)).toMatchObject({ status: 0, answer: enabled });
    const after = await stored.read();
    expect(new Set(after.map((form) => JSON.stringify(form))).size).toBe(1);
    expect(after[0]?.configuration).toMatchObject({ storeId: shown.store_id, generation: 1, features: 1 });
    expect(await config("show", stored.url)).toMatchObject({
      status: 0,
      answer: { ...shown, generation: 1, features: [{ ...rehearsal, enabled: true }, indexes], seals: { since: 1 } },
    });

    expect(await config("enable rehearsal", stored.url)).toMatchObject({ status: 0, answer: { changed: false } });
    expect(await stored.read()).toEqual(after);

    const disabled = { status: 0, answer: { enabled: false, changed: true, generation: 2 } };
    expect(await config("disable rehearsal", stored.url)).toMatchObject(disabled);
    expect(await bits()).toEqual(new Set([0]));
    expect(await config("disable rehearsal", stored.url)).toMatchObject({ status: 0, answer: { changed: false } });
  });

  test("knows its features by name", async () => {
    const before = await stored.read();
    const { status, answer, stderr } = await config("enable rehearsals", stored.url);
    expect({ status, answer }).toEqual({ status: 1, answer: undefined });
    expect(stderr).toContain('there is no feature "rehearsals"');
    expect(stderr).toContain("rehearsal: seals every user");
    expect(await stored.read()).toEqual(before);
  });

  test.each(["enable", "disable"])("%s names the command for a feature that has one of its own", async (verb) => {
    const before = await stored.read();
    const { status, answer, stderr } = await config(`${verb} indexes`, stored.url);
    expect({ status, answer }).toEqual({ status: 1, answer: undefined });
    expect(stderr).toContain("see rollcall indexes --help. Nothing has changed");
    expect(await stored.read()).toEqual(before);
  });

  test.each(["that version 0.1 made", "without a configuration, which has users"])(
    "%s gets its first feature only once all servers are known to be 0.2",
    async (which) => {
      if (which.startsWith("without")) await stored.remove();
      else await stored.write(madeBy((await stored.read())[0], "0.1"));
      const read = () => stored.read().catch(() => undefined);
      const before = await read();
      expect(await config("show", stored.url)).toMatchObject({ status: 0, answer: { made_by: "0.1" } });
      for (const words of ["enable rehearsal", "enable rehearsal --dry-run"]) {
        const { status, answer, stderr } = await config(words, stored.url);
        expect({ status, answer }).toEqual({ status: 1, answer: undefined });
        expect(stderr).toContain("version 0.1 may have made this store");
        expect(stderr).toContain("--all-servers-are 0.2");
      }
      expect(await read()).toEqual(before);
      expect((await config("enable rehearsal --all-servers-are 0.3", stored.url)).status).toBe(1);
      expect(await config("enable rehearsal --all-servers-are 0.2", stored.url)).toMatchObject({ status: 0 });
      expect(await bits()).toEqual(new Set([1]));
      expect((await stored.read())[0]?.configuration).toMatchObject({ madeBy: "0.1", generation: 1 });
      // A server follows it.
      await useStore(stored.url, "v");
      expect(await config("show", stored.url)).toMatchObject({ answer: { generation: 1, deviations: [] } });
    },
  );

  test("is changed by one of two at once, and by nobody who knows an older configuration", async () => {
    const [one, other] = [await administer(stored.url), await administer(stored.url)];
    const { current } = await one.read();
    const change = (by: StoreAdministration, from: Stamped) => {
      if (from.configuration === undefined) throw new Error("the store has no configuration");
      return by.change(from, withFeatures(from.configuration, ["rehearsal"]));
    };
    expect((await Promise.all([change(one, current), change(other, current)])).toSorted()).toEqual([false, true]);
    const after = await stored.read();
    expect(new Set(after.map((form) => form?.stamp)).size).toBe(1);
    expect(await change(one, current)).toBe(false);
    expect(await stored.read()).toEqual(after);
  });
});

test.each(["SQLite", "Redis"] as const)(
  "an empty store in %s gets its configuration with its first feature",
  async (name) => {
    const stored = await openStoredConfigurations[name]();
    onTestFinished(() => stored.close());
    if (name === "SQLite") {
      // The file has to be there.
      await useStore(stored.url);
      await stored.remove();
    }
    const empty = { store_id: null, generation: null };
    expect(await config("show", stored.url)).toMatchObject({ status: 0, answer: empty });
    expect(await config("disable rehearsal", stored.url)).toMatchObject({ status: 0, answer: { changed: false } });
    expect(await config("show", stored.url)).toMatchObject({ status: 0, answer: empty });
    expect(await config("enable rehearsal", stored.url)).toMatchObject({ status: 0, answer: { changed: true } });
    expect(new Set((await stored.read()).map((form) => form?.configuration["generation"]))).toEqual(new Set([1]));
  },
);

test("a file that is no database of Rollcall's is left alone", async () => {
  const { status, stderr } = await config("enable rehearsal", "sqlite:/nowhere/users.db");
  expect(status).toBe(1);
  expect(stderr).toContain("cannot change sqlite:/nowhere/users.db: there is no database");
  expect(stderr).toContain("nothing has changed");
});

describe("partitions that differ", () => {
  let stored: StoredConfigurations;
  let form: StoredForm;
  beforeEach(async () => {
    stored = await openStoredConfigurations.Redis();
    await useStore(stored.url, "u");
    const [first] = await stored.read();
    if (first === undefined) throw new Error("the store has no configuration");
    form = first;
  });
  afterEach(() => stored.close());

  test("are shown, and completed by the next change", async () => {
    await stored.remove([3, 4]);
    await stored.write({ stamp: "0.old", configuration: form.configuration }, [5]);
    await stored.write({ stamp: "9.new", configuration: { ...form.configuration, generation: 9 } }, [0, 1, 2]);
    const { answer } = await config("show", stored.url);
    expect(answer).toMatchObject({
      generation: 9,
      deviations: [
        { problem: "missing", partitions: [3, 4] },
        { problem: "outdated", partitions: everyPartition.slice(5) },
      ].toSorted((a, b) => (a.partitions[0] ?? 0) - (b.partitions[0] ?? 0)),
    });
    // Also where the feature has the wanted state.
    expect(await config("disable rehearsal", stored.url)).toMatchObject({ status: 0, answer: { changed: false } });
    expect(new Set((await stored.read()).map((each) => each?.stamp))).toEqual(new Set(["9.new"]));
  });

  test("keep everything as it is where they belong to another store, or are unreadable", async () => {
    const foreign = { stamp: "1.x", configuration: { ...form.configuration, storeId: "another", generation: 7 } };
    await stored.write(foreign, [9]);
    const before = await stored.read();
    expect(await config("show", stored.url)).toMatchObject({
      status: 0,
      answer: { generation: 0, deviations: [{ problem: "foreign", partitions: [9] }] },
    });
    const refused = await config("enable rehearsal", stored.url);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("belong to the store another") });
    expect(await stored.read()).toEqual(before);

    const admin = new Redis(stored.url);
    onTestFinished(() => admin.disconnect());
    await admin.del(createKeys("rollcall:").configuration(9));
    await admin.set(createKeys("rollcall:").configuration(9), "text");
    expect(await config("show", stored.url)).toMatchObject({
      status: 0,
      answer: { deviations: [{ problem: "unreadable", partitions: [9] }] },
    });
    expect((await config("enable rehearsal", stored.url)).status).toBe(1);
  });
});

describe("a Redis that takes no writes is left as it is, and named", () => {
  test.each([
    ["too few replicas", ["--min-replicas-to-write", "1"], "too few replicas follow it"],
    ["no memory", ["--maxmemory", "1"], "it has no memory left"],
  ])("%s", async (_, args, reason) => {
    const redis = await redisWith(...args);
    for (const words of ["enable rehearsal", "enable rehearsal --dry-run"]) {
      const { status, answer, stderr } = await config(words, redis.url);
      expect({ status, answer }).toEqual({ status: 1, answer: undefined });
      expect(stderr).toContain(`Redis at 127.0.0.1:${redis.port}: ${reason}`);
      expect(stderr).toContain("; nothing has changed");
    }
    const admin = new Redis(redis.url);
    onTestFinished(() => admin.disconnect());
    expect(await admin.dbsize()).toBe(0);
  });

  test("a replica", async () => {
    const primary = await redisWith();
    const replica = await redisWith("--replicaof", `127.0.0.1 ${primary.port}`, "--repl-diskless-sync-delay", "0");
    const admin = new Redis(replica.url);
    onTestFinished(() => admin.disconnect());
    await until(async () => (await admin.info("replication")).includes("master_link_status:up"));
    const { status, stderr } = await config("enable rehearsal", replica.url);
    expect(status).toBe(1);
    expect(stderr).toContain(`Redis at 127.0.0.1:${replica.port} is a replica, which takes no writes`);
    expect(await admin.dbsize()).toBe(0);
  });
});

describe("a cluster", () => {
  const open = async () => {
    const cluster = await startCluster({ primaries: 2, replicas: 0, nodeTimeoutMs: 15_000 });
    onTestFinished(() => cluster.stop());
    await useStore(cluster.url, "u");
    return cluster;
  };
  const stamps = async (admin: Redis, partitions: readonly number[]) => {
    const keys = createKeys("rollcall:");
    return Promise.all(partitions.map((partition) => admin.hget(keys.configuration(partition), "stamp")));
  };

  test.each(["away", "out of memory"])("with a primary that is %s keeps its configuration everywhere", async (how) => {
    const cluster = await open();
    const [first, last] = [await cluster.primaryOf(slotOf(0)), await cluster.primaryOf(slotOf(63))];
    const before = await stamps(first.admin, [0, 1]);
    if (how === "away") last.process.kill("SIGSTOP");
    else await last.admin.config("SET", "maxmemory", "1");
    const { status, stderr } = await config("enable rehearsal", cluster.url);
    expect(status).toBe(1);
    expect(stderr).toContain(`127.0.0.1:${last.process.port}`);
    expect(stderr).toContain(how === "away" ? "no answer" : "raise maxmemory");
    expect(stderr).toContain("; nothing has changed");
    expect(await stamps(first.admin, [0, 1])).toEqual(before);
    if (how === "away") {
      const away = { problem: "away", description: expect.stringContaining(`127.0.0.1:${last.process.port}`) };
      expect(await config("show", cluster.url)).toMatchObject({
        status: 0,
        answer: { generation: 0, deviations: [{ ...away, partitions: everyPartition.slice(32) }] },
      });
      last.process.kill("SIGCONT");
      expect(await config("enable rehearsal", cluster.url)).toMatchObject({ status: 0, answer: { changed: true } });
    }
  });

  test("that fails half-way says so, and the same command completes the change", async () => {
    const cluster = await open();
    const last = await cluster.primaryOf(slotOf(63));
    const lasts = everyPartition.slice(32);
    // On one of two primaries, the user may write to the partition that is checked, and only read the others.
    const checked = lasts.at(-1) ?? 0;
    const rules = documented.cluster.filter((rule) => !rule.startsWith("~"));
    for (const { admin } of cluster.nodes) await createUser(admin, documented.cluster);
    const key = `%RW~rollcall:{${partitionTags[checked]}}:*`;
    await createUser(last.admin, ["resetkeys", "%R~rollcall:*", key, ...rules.filter((rule) => rule !== "reset")]);
    const { status, stderr } = await config("enable rehearsal", asUser(cluster.url));
    expect(status).toBe(1);
    expect(stderr).toContain("The change may have reached some partitions and not others");
    expect(stderr).not.toContain("nothing has changed");
    expect(await config("show", cluster.url)).toMatchObject({
      status: 0,
      answer: { generation: 1, deviations: [{ problem: "outdated", partitions: lasts }] },
    });

    await createUser(last.admin, documented.cluster);
    const again = await config("enable rehearsal", asUser(cluster.url));
    expect(again).toMatchObject({ status: 0, answer: { changed: false } });
    expect(await config("show", cluster.url)).toMatchObject({ answer: { generation: 1, deviations: [] } });
  });
});
