import { once } from "node:events";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import calculateSlot from "cluster-key-slot";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { crc16, createKeys, partitionOf, partitionTags } from "../../src/store/redis/keys.ts";
import { maxScriptWork } from "../../src/store/redis/script-limits.ts";
import { RedisClient } from "../../src/store/redis/servers/connection.ts";
import type { UserStore } from "../../src/users/store.ts";
import { command, deletion, edit, setPreferences, userId } from "../support/commands.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { openRedis, openTemporaryRedis } from "../support/stores.ts";
import { until } from "../support/until.ts";
import { storeConformance } from "./conformance.ts";

const keys = createKeys("rollcall:");

storeConformance("Redis", openTemporaryRedis);

describe("the keys", () => {
  test("use the CRC of Redis Cluster", () => {
    expect(crc16("123456789")).toBe(0x31c3);
    for (const text of ["u1", "é", "a b", "rollcall"]) expect(crc16(text) % 16_384).toBe(calculateSlot(text));
  });

  test("of one partition share a slot, in the partition's sixty-fourth of the slots", () => {
    expect(new Set(partitionTags).size).toBe(64);
    for (const id of ["u1", "{u1}", "a}{b", "é", ...Array.from({ length: 500 }, (_, i) => `user-${i}`)]) {
      const partition = partitionOf(id);
      expect(Math.floor(calculateSlot(keys.user(id)) / 256)).toBe(partition);
      expect(calculateSlot(keys.user(id))).toBe(calculateSlot(keys.ids(partition)));
    }
  });

  test("never change: these are where users are stored", () => {
    expect(keys.user("u1")).toBe("rollcall:{ba}:user:u1");
    expect(partitionTags.join(" ")).toMatchInlineSnapshot(
      `"bh bd by bq aa ai ap ax ea ds dj db fh fd fy fq bi ba bx bp ad ah aq ay dz dr dk dc fi fa fx fp bj bb ca bs ac ak ar az dy dq dh dd fj fb ga fs bk bc bz br ab aj as nz dx dp di da fk fc fz fr"`,
    );
  });
});

describe("users in Redis", () => {
  let server: RedisProcess;
  let redis: Redis;
  let store: UserStore;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    store = await openRedis(server.url);
    await until(() => store.check());
  });
  afterAll(async () => {
    await store.close();
    redis.disconnect();
    await server.stop();
  });

  test("are read over a socket that may have several errors", async () => {
    const client = new RedisClient({ port: server.port, retryStrategy: () => null });
    client.on("error", () => {});
    await once(client, "ready");
    const { stream } = client;
    for (let error = 0; error < 3; error++) stream.emit("error", new Error("broken"));
    stream.destroy();
    await once(client, "end");
  });

  test("have properties that any protobuf tool decodes", async () => {
    await store.write([command("raw", { name: "Ada", n: 1, nested: { list: [null, true] } })]);
    const properties = await redis.hgetBuffer(keys.user("raw"), "properties");
    expect(toJson(StructSchema, fromBinary(StructSchema, properties ?? new Uint8Array()))).toEqual({
      name: "Ada",
      n: 1,
      nested: { list: [null, true] },
    });
    expect((await redis.hkeys(keys.user("raw"))).sort()).toEqual(["meta", "properties"]);
  });

  test("are listed in their partition's listing once they are created", async () => {
    const ids = Array.from({ length: 200 }, (_, i) => `index-${i}`);
    await store.write(ids.map((id) => command(id, { n: 1 })));
    await store.write([command("index-0", { n: 2 }), command("index-none", { n: 1 }, { canCreate: false })]);
    for (const id of ids) expect(await redis.zscore(keys.ids(partitionOf(id)), id)).toBe("0");
    expect(await redis.zscore(keys.ids(partitionOf("index-none")), "index-none")).toBeNull();
  });

  async function callsDuring(work: () => Promise<unknown>): Promise<number> {
    const calls = async () => {
      const statistics = await redis.info("commandstats");
      return [...statistics.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
    };
    const before = await calls();
    await work();
    return (await calls()) - before;
  }

  test("take one round trip for an identify, and at most one for each 128 of a list in each of four lanes", async () => {
    await store.write([command("trip", { n: 0 })]);
    expect(await callsDuring(() => store.write([command("trip", { n: 1 })]))).toBe(1);
    const thousand = Array.from({ length: 1_000 }, (_, i) => command(`trip-${i}`, { i }, { wantUser: false }));
    const lanes = Map.groupBy(thousand, ({ id }) => partitionOf(id) % 4);
    const calls = [...lanes.values()].reduce((sum, share) => sum + Math.ceil(share.length / 128), 0);
    expect(await callsDuring(() => store.write(thousand))).toBeLessThanOrEqual(calls);
  });

  test("take a call for what a script reads and answers in a millisecond or two, preferences counted", async () => {
    const ids = Array.from({ length: 40 }, (_, i) => `large-${i}`);
    await store.write(ids.map((id) => command(id, { n: 1 })));
    await store.write(ids.map((id) => setPreferences(id, { text: "x".repeat(60_000) })));
    const bytes = 40 * 60_000;
    const perCall = maxScriptWork + 60_000;
    const unchanged = () => store.write(ids.map((id) => command(id, { n: 1 })));
    expect(await callsDuring(unchanged)).toBeGreaterThan(bytes / perCall);
    const merged = () => store.write(ids.map((id) => setPreferences(id, { more: 1 }, { merge: true })));
    expect(await callsDuring(merged)).toBeGreaterThan(bytes / perCall);
  });

  test("are written by a script that the server has forgotten", async () => {
    await redis.script("FLUSH");
    expect(await store.write([command("flushed", { n: 1 })])).toMatchObject([{ outcome: "created" }]);
  });

  test("are deleted once by a deletion that is repeated, also where another has created the user again", async () => {
    const gone = deletion("deleted-once");
    await store.write([command("deleted-once", { n: 1 })]);
    expect(await store.write([gone])).toMatchObject([{ outcome: "deleted" }]);
    expect(await store.write([gone])).toMatchObject([{ outcome: "deleted" }]);
    await store.write([command("deleted-once", { n: 2 })]);
    expect(await store.write([gone])).toMatchObject([{ outcome: "deleted" }]);
    expect((await store.get([userId("deleted-once")]))[0]).toBeDefined();
    expect(await store.write([deletion("deleted-once")])).toMatchObject([{ outcome: "deleted" }]);
    expect(await redis.exists(keys.user("deleted-once"))).toBe(0);
    expect(await redis.zscore(keys.ids(partitionOf("deleted-once")), "deleted-once")).toBeNull();
  });

  test("a server without memory refuses what needs some, and nothing is half-written", async () => {
    await store.write([command("full", { n: 1 })]);
    await redis.config("SET", "maxmemory", "1");
    try {
      const commands = [command("full", { n: 2 }), command("full-new", { n: 2 }), command("full", { n: 1 })];
      expect(await store.write(commands)).toMatchObject([
        { refused: "store-full" },
        { refused: "store-full" },
        { outcome: "unchanged" },
      ]);
    } finally {
      await redis.config("SET", "maxmemory", "0");
    }
    expect(await store.get([userId("full-new")])).toEqual([undefined]);
    expect(await store.write([command("full", { n: 1 })])).toMatchObject([{ outcome: "unchanged" }]);
  });

  describe("a write whose caller may not learn what it changes fails where a change would", () => {
    const stored = { n: 1, s: "text" };
    const hides = { hidesOutcome: true };
    const commands = (id: string) => [
      command(id, { n: 1 }, hides),
      command(id, { n: 2 }, hides),
      command(id, { s: "later" }, { ...hides, observedAt: 1 }),
      command(id, { s: "later" }, { ...hides, observedAt: 3 }),
      edit(id, { setOnce: { n: 2 } }, hides),
      edit(id, { setOnce: { absent: 2 } }, hides),
      setPreferences(id, { p: 1 }, hides),
      setPreferences(id, { p: 2 }, hides),
      setPreferences(id, { p: 1 }, { ...hides, merge: true }),
    ];
    const keep = async (id: string) => {
      await store.write([command(id, stored, { observedAt: 2 }), setPreferences(id, { p: 1 })]);
    };

    test("without memory", async () => {
      await keep("hides-full");
      const before = await store.get([userId("hides-full")]);
      await redis.config("SET", "maxmemory", "1");
      try {
        for (const hiding of commands("hides-full")) {
          expect(await store.write([hiding])).toEqual([{ refused: "store-full" }]);
        }
        expect(await store.write(commands("hides-full"))).toEqual(
          commands("hides-full").map(() => ({ refused: "store-full" })),
        );
      } finally {
        await redis.config("SET", "maxmemory", "0");
      }
      expect(await store.get([userId("hides-full")])).toEqual(before);
    });

    test("without replicas", async () => {
      await keep("hides-alone");
      await redis.config("SET", "min-replicas-to-write", "1");
      try {
        const writes = commands("hides-alone").map((hiding) => store.write([hiding]));
        for (const write of writes) await expect(write).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
      } finally {
        await redis.config("SET", "min-replicas-to-write", "0");
      }
    });

    test("and leaves a user that it does not change as it is", async () => {
      await keep("hides-kept");
      const before = await store.get([userId("hides-kept")]);
      expect(await store.write([command("hides-kept", { n: 1 }, hides)])).toMatchObject([{ outcome: "unchanged" }]);
      expect(await store.get([userId("hides-kept")])).toEqual(before);
    });
  });

  test.each([
    ["misses replicas", "CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"],
    ["has become a replica", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"],
  ])("a server that %s is not available to who writes", async (_, on, off) => {
    await store.write([command("refused", { n: 1 })]);
    const configure = (words: string) => redis.call(...(words.split(" ") as [string, ...string[]]));
    await configure(on);
    try {
      const writes = [store.write([command("refused", { n: 2 })]), store.write([deletion("refused")])];
      for (const write of writes) await expect(write).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
    } finally {
      await configure(off);
    }
    expect(await store.write([command("refused", { n: 1 })])).toMatchObject([{ outcome: "unchanged" }]);
  });

  test("are deleted where Redis has no memory left", async () => {
    await store.write([command("full-deleted", { n: 1 })]);
    await redis.config("SET", "maxmemory", "1");
    try {
      expect(await store.write([deletion("full-deleted")])).toMatchObject([{ outcome: "deleted" }]);
    } finally {
      await redis.config("SET", "maxmemory", "0");
    }
    expect(await store.get([userId("full-deleted")])).toEqual([undefined]);
  });

  test("a server that is away is STORE_UNAVAILABLE within two seconds, and works again when it is back", async () => {
    const other = await startRedis({ args: ["--appendonly", "yes"] });
    const away = await openRedis(other.url);
    try {
      await until(() => away.check());
      await away.write([command("away", { n: 1 })]);
      other.kill("SIGKILL");
      const refused = away.write([command("away", { n: 2 })], { signal: AbortSignal.timeout(2_000) });
      await expect(refused).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
      await other.restart();
      await until(() => away.check());
      expect(await away.write([command("away", { n: 1 })])).toMatchObject([{ outcome: "unchanged" }]);
    } finally {
      await away.close();
      await other.stop();
    }
  });

  test("a server that has stopped without closing its connections is STORE_UNAVAILABLE within two seconds", async () => {
    const other = await startRedis();
    const stopped = await openRedis(other.url);
    try {
      await until(() => stopped.check());
      other.kill("SIGSTOP");
      const refused = stopped.get([userId("u")], AbortSignal.timeout(2_000));
      await expect(refused).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
      other.kill("SIGCONT");
      await until(() => stopped.check());
    } finally {
      other.kill("SIGCONT");
      await stopped.close();
      await other.stop();
    }
  });
});
