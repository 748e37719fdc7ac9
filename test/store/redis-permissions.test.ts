/** A user in Redis that may do what docs/operating.md lists, and no more; and one that may not even do that. */
import { Redis } from "ioredis";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createKeys } from "../../src/store/redis/keys.ts";
import type { UserStore, WriteCommand } from "../../src/users/store.ts";
import { command, deletion, setPreferences, userId } from "../support/commands.ts";
import { redisWith, storeIn } from "../support/for-one-test.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { startSentinels } from "../support/redis-sentinel.ts";
import { allow, asUser, commandsOf, createUser, documented, forbid } from "../support/redis-users.ts";
import { openRedis, type TemporaryStore } from "../support/stores.ts";
import { until } from "../support/until.ts";
import { storeConformance } from "./conformance.ts";

const keys = createKeys("rollcall:");

function adminOf({ url }: RedisProcess): Redis {
  const admin = new Redis(url);
  admin.on("error", () => {});
  return admin;
}

async function ready(store: UserStore): Promise<void> {
  await until(() => store.check().then(() => true));
}

/** What the log says of a store that is not ready. */
async function reasonOf(store: UserStore): Promise<string> {
  return store.check().then(
    () => expect.fail("the store is ready"),
    ({ reason, cause }) => {
      expect(reason).toBe("STORE_UNAVAILABLE");
      return String(cause);
    },
  );
}

/** Takes each command away from the user, and gives it back once the store has noticed. */
async function expectEachNeeded(store: UserStore, admins: readonly Redis[], commands: readonly string[]) {
  for (const [index, name] of commands.entries()) {
    // On one primary of several: the others could serve.
    const admin = admins[index % admins.length];
    if (admin === undefined) throw new Error("there is no server");
    await forbid(admin, name);
    expect(await reasonOf(store), name).toMatch(
      new RegExp(`^Error: Redis at 127.0.0.1:\\d+: .*\\b${name.replace("|", "\\|")}\\b`),
    );
    await allow(admin, name);
    await ready(store);
  }
}

async function openRestricted(): Promise<Pick<TemporaryStore, "store" | "close">> {
  const server = await startRedis();
  const admin = adminOf(server);
  await createUser(admin, [...documented.server, "+select"]);
  admin.disconnect();
  const store = await openRedis(`${asUser(server.url)}/7`);
  await ready(store);
  return {
    store,
    async close() {
      await store.close();
      await server.stop();
    },
  };
}

storeConformance("Redis, by a user with the documented permissions", openRestricted);

test("each documented command is needed: without it, the store is not ready and says why", async () => {
  const server = await redisWith();
  const admin = adminOf(server);
  onTestFinished(() => admin.disconnect());
  const rules = [...documented.server, "+select"];
  await createUser(admin, rules);
  const store = await storeIn(`${asUser(server.url)}/7`);
  await ready(store);
  await expectEachNeeded(store, [admin], commandsOf(rules));
});

test.each(["time", "evalsha", "eval"])("a user who never had %s is told", async (name) => {
  const server = await redisWith();
  const admin = adminOf(server);
  onTestFinished(() => admin.disconnect());
  await createUser(admin, documented.server);
  await forbid(admin, name);
  const store = await storeIn(asUser(server.url));
  const told = new RegExp(`^Error: Redis at 127.0.0.1:${server.port}: NOPERM .*'${name}' command; docs/operating.md`);
  await until(async () => expect(await reasonOf(store)).toMatch(told));
});

test("in a cluster, on each primary", async () => {
  const cluster = await startCluster({ replicas: 0 });
  onTestFinished(() => cluster.stop());
  const admins = cluster.nodes.map(({ admin }) => admin);
  await Promise.all(admins.map((admin) => createUser(admin, documented.cluster)));
  const store = await storeIn(asUser(cluster.url));
  await ready(store);
  const ids = Array.from({ length: 100 }, (_, index) => userId(`user-${index}`));
  expect(new Set(await store.write(ids.map((id) => command(id, { n: 1 })))).size).toBe(ids.length);
  expect((await store.list(undefined, 200)).toSorted()).toEqual(ids.toSorted());
  expect(await store.write(ids.map((id) => deletion(id)))).toMatchObject(ids.map(() => ({ outcome: "deleted" })));
  await expectEachNeeded(store, admins, commandsOf(documented.cluster));
  for (const admin of admins) await forbid(admin, "cluster|slots");
  const other = await storeIn(asUser(cluster.url));
  await until(async () => expect(await reasonOf(other)).toMatch(/NOPERM .*'cluster\|slots'/));
});

test("behind Sentinels that have users, with replicas to wait for", async () => {
  const group = await startSentinels();
  onTestFinished(() => group.stop());
  const { admin } = await group.primary();
  const rules = [...documented.server, "+wait"];
  for (const server of group.servers) await createUser(server.admin, rules);
  const watchers = group.sentinels.map(adminOf);
  onTestFinished(() => {
    for (const watcher of watchers) watcher.disconnect();
  });
  for (const watcher of watchers) await createUser(watcher, documented.sentinel);
  const settings = { redisWaitReplicas: 1, redisSentinelUsername: "rollcall", redisSentinelPassword: "PASSWORD" };
  const store = await storeIn(asUser(group.url), settings);
  await ready(store);
  expect(await store.write([command("u", { n: 1 }), setPreferences("u", { a: 1 }), deletion("u")])).toHaveLength(3);
  await expectEachNeeded(store, [admin], ["wait"]);
  for (const name of ["sentinel|get-master-addr-by-name", "sentinel|sentinels"]) {
    for (const watcher of watchers) await forbid(watcher, name);
    const other = await storeIn(asUser(group.url), settings);
    await until(async () => expect(await reasonOf(other)).toContain(`'${name}'`));
    for (const watcher of watchers) await allow(watcher, name);
    await ready(other);
  }
});

test("keys that the user may not use", async () => {
  const server = await redisWith();
  const admin = adminOf(server);
  onTestFinished(() => admin.disconnect());
  await createUser(admin, documented.server);
  const store = await storeIn(asUser(server.url), { redisKeyPrefix: "staff:" });
  await until(async () =>
    expect(await reasonOf(store)).toMatch(/Redis at .*: NOPERM .*key.*: the user needs ~staff:\*;/),
  );
  // A pattern for users alone, without their indexes.
  await createUser(admin, [...documented.server, "resetkeys", "~staff:*:user:*"]);
  await until(async () => expect(await reasonOf(store)).toContain(": the user needs ~staff:*;"));
  await createUser(admin, [...documented.server, "~staff:*"]);
  await ready(store);
});

describe("a permission that is taken away while the store is in use", () => {
  let server: RedisProcess;
  let admin: Redis;
  let store: UserStore;
  beforeAll(async () => {
    server = await startRedis();
    const replica = await startRedis({
      args: ["--replicaof", `127.0.0.1 ${server.port}`, "--repl-diskless-sync-delay", "0"],
    });
    admin = adminOf(server);
    await createUser(admin, [...documented.server, "+wait"]);
    store = await openRedis(asUser(server.url), { redisWaitReplicas: 1 });
    await ready(store);
    return async () => {
      await store.close();
      admin.disconnect();
      await Promise.all([server.stop(), replica.stop()]);
    };
  });

  /** That every write is refused while the user lacks a command. */
  async function without(name: string, ...lists: WriteCommand[][]): Promise<void> {
    await forbid(admin, name);
    try {
      const refused = lists.map((commands) =>
        expect(store.write(commands), name).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" }),
      );
      await Promise.all(refused);
    } finally {
      await allow(admin, name);
    }
  }

  test("leaves no user that is in no listing", async () => {
    const [plain, observed] = [userId("plain"), userId("observed")];
    const batch = Array.from({ length: 20 }, (_, index) => userId(`batch-${index}`));
    const create = (id: string) => command(id, { n: 1 });
    await without("zadd", [create(plain)], [command(observed, { n: 1 }, { observedAt: 1 })], batch.map(create));
    expect(await store.get([plain, observed, ...batch])).toEqual(Array(22).fill(undefined));
    await store.write([create(plain)]);
    expect(await store.list(undefined, 10)).toEqual([plain]);
  });

  test.each(["zrem", "zadd", "zscore", "zrangebyscore", "del"])(
    "leaves a user whole that is not deleted (%s)",
    async (name) => {
      const id = userId(`kept-${name}`);
      await store.write([command(id, { n: 1 })]);
      await without(name, [deletion(id)]);
      expect(await store.get([id])).toMatchObject([{ id }]);
      expect(await store.list(undefined, 10)).toContain(id);
      expect(await store.write([deletion(id)])).toMatchObject([{ outcome: "deleted" }]);
    },
  );

  test("lets no user expire, and leaves none behind, where a write changes nothing", async () => {
    const id = userId("unchanged");
    await store.write([command(id, { n: 1 })]);
    await without("persist", [command(id, { n: 1 })]);
    expect(await admin.ttl(keys.user(id))).toBe(-1);
    await without("del", [command("nobody", { n: 1 }, { canCreate: false })]);
    expect(await admin.exists(keys.user("nobody"))).toBe(0);
  });
});

test.each([
  ["the user may not choose", 7, "'select'"],
  ["there is not", 99, "DB index is out of range"],
])("users stay out of database 0 where the URL names one that %s", async (_, database, reason) => {
  const server = await redisWith();
  const admin = adminOf(server);
  onTestFinished(() => admin.disconnect());
  await createUser(admin, documented.server);
  if (database === 99) await allow(admin, "select");
  const store = await storeIn(`${asUser(server.url)}/${database}`);
  await expect(store.write([command("u", { n: 1 })])).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
  await until(async () => expect(await reasonOf(store)).toContain(reason));
  expect(await admin.dbsize()).toBe(0);
});

test("a command that was renamed is missing", async () => {
  const server = await redisWith("--rename-command", "ZADD", "");
  const store = await storeIn(server.url);
  await until(async () => expect(await reasonOf(store)).toContain(": the user needs +zadd;"));
});

test.each([
  ["forbidden", async () => redisWith(), /^Redis cannot be examined: NOPERM .*'info'/],
  [
    "renamed",
    async () => redisWith("--rename-command", "INFO", "HIDDEN"),
    /^Redis cannot be examined: ERR unknown command 'INFO'/,
  ],
] as const)("INFO may be %s: the store is ready, and warns that it cannot look", async (_, start, warning) => {
  const server = await start();
  const admin = new Redis(server.url, { enableReadyCheck: false });
  onTestFinished(() => admin.disconnect());
  await createUser(admin, documented.server);
  const store = await storeIn(asUser(server.url));
  await ready(store);
  expect(await store.write([command("u", { n: 1 })])).toMatchObject([{ outcome: "created" }]);
  expect(await store.warnings()).toEqual([expect.stringMatching(warning)]);
});
