/** `rollcall verify` over the users of each kind of store, also while they are written. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openVerifier } from "../../src/server/open-store.ts";
import { createKeys, partitionOf } from "../../src/store/redis/keys.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { Finding } from "../../src/store/verify/verifier.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { openBesideStore } from "../support/beside-store.ts";
import { command, deletion, edit, setPreferences } from "../support/commands.ts";
import { temporaryFolder } from "../support/files.ts";
import { rollcall } from "../support/processes.ts";
import { below, seededRandom } from "../support/random.ts";
import { startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { startSentinels } from "../support/redis-sentinel.ts";
import { allow, asUser, commandsOf, createUser, documented, forbid } from "../support/redis-users.ts";
import { makePipe } from "../support/special-files.ts";
import { openSpoilt, type SpoiltStore } from "../support/spoilt-stores.ts";
import { openRedis } from "../support/stores.ts";
import { until } from "../support/until.ts";
import { linesOf, verified } from "../support/verified.ts";

describe.each(["SQLite", "Redis", "Redis Cluster"] as const)("a store in %s", (name) => {
  let spoilt: SpoiltStore;
  beforeAll(async () => {
    spoilt = await openSpoilt[name]();
    const ids = Array.from({ length: 1_200 }, (_, index) => `well ${index}`);
    await spoilt.store.write(ids.map((id, n) => command(id, { n, é: "x".repeat(n % 50) }, { wantUser: false })));
    await spoilt.store.write([setPreferences("well 1", { theme: "dark" }), command("é \u{202e}", { n: 1 })]);
    await spoilt.store.write([edit("well 2", { set: { n: 2 }, unset: ["é"] }, { observedAt: 1_000_000 })]);
  });
  afterAll(() => spoilt.close());

  test("that is as it should be has no findings", async () => {
    expect(await verified(spoilt.url)).toMatchObject({
      status: 0,
      findings: [],
      summary: { users: 1_201, damaged: 0 },
    });
    const { status, stdout, stderr } = await rollcall(["verify", "--store", spoilt.url]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toContain("1201 users, all is well");
  });

  test("that is written to meanwhile has no findings but what is damaged", async () => {
    const { store } = spoilt;
    await store.write([command("damaged meanwhile", { n: 1 })]);
    await spoilt.spoil("damaged meanwhile", "garbage properties");
    const random = seededRandom(7);
    const idOf = () => `busy ${below(random, 300)}`;
    let isOver = false;
    let written = 0;
    const writer = (async () => {
      while (!isOver) {
        const commands = Array.from({ length: 50 }, () => [
          command(idOf(), { n: written++ }, { wantUser: false }),
          deletion(idOf(), { allowMissing: true }),
        ]);
        await store.write(commands.flat());
      }
    })();
    for (let walk = 0; walk < 2; walk++) {
      const verifier = await openVerifier(parseStoreLocation(spoilt.url), {}, createLogger("silent"));
      const findings: Finding[] = [];
      const from = written;
      for await (const slice of verifier.walk()) findings.push(...slice.findings);
      verifier.close();
      expect(findings.map(({ id, check }) => [Buffer.from(id).toString(), check])).toEqual([
        ["damaged meanwhile", "properties"],
      ]);
      // They had their turns.
      await until(() => written > from);
    }
    isOver = true;
    await writer;
    await store.write([deletion("damaged meanwhile")]);
    await store.write(Array.from({ length: 300 }, (_, n) => deletion(`busy ${n}`, { allowMissing: true })));
  });

  test("names each damaged record and what is wrong with it, and each that listing and records disagree on", async () => {
    const { store, kinds } = spoilt;
    const damaged = kinds.map(([kind, part]) => ({ id: `damaged: ${kind}`, kind, part }));
    await store.write(damaged.map(({ id }) => command(id, { n: 1 })));
    for (const { id, kind } of damaged) await spoilt.spoil(id, kind);
    await store.write([command("not listed", { n: 1 })]);
    await spoilt.unlist("not listed");
    await spoilt.list(Buffer.from("not there"));

    const { status, findings, summary } = await verified(spoilt.url);
    expect(status).toBe(1);
    expect(findings.map(({ id, check }) => [id, check]).toSorted()).toEqual(
      [...damaged.map(({ id, part }) => [id, part]), ["not listed", "listing"], ["not there", "listing"]].toSorted(),
    );
    expect(summary).toMatchObject({ damaged: damaged.length + 2 });

    const forPeople = await rollcall(["verify", "--store", spoilt.url]);
    expect(forPeople.status).toBe(1);
    expect(linesOf(forPeople.stdout)).toHaveLength(findings.length);
    expect(forPeople.stdout).toContain("not listed: is in no listing");
    expect(forPeople.stderr).toContain(`${summary.damaged} damaged`);
  });
});

test("rows in SQLite whose numbers no call can read are named", async () => {
  const path = join(temporaryFolder(), "users.db");
  const store = await openSqliteStore(path);
  await store.write([command("well", { n: 1 })]);
  const other = openBesideStore(path);
  const insert = other.prepare(
    "INSERT INTO user (rid, id, created_at, updated_at, etag, properties) VALUES (?, ?, 1, 1, 'e', x'')",
  );
  const [least, greatest] = [-(2n ** 63n), 2n ** 63n - 1n];
  for (const rid of [least, 1n - 2n ** 53n, 2n ** 53n - 1n, 2n ** 53n, greatest]) insert.run(rid, `${rid}`);
  other.close();
  await store.write([command("well, too", { n: 1 })]);
  await store.close();
  const { status, findings, summary } = await verified(`sqlite:${path}`);
  expect(status).toBe(1);
  expect(findings).toEqual(
    [least, 2n ** 53n, greatest].map((rid) => ({
      id: `${rid}`,
      check: "meta",
      problem: `has the row number (rid) ${rid}, which is out of range`,
    })),
  );
  expect(summary).toEqual({ users: 7, damaged: 3 });
});

test("what was put into Redis by hand is named: ids that are none, other partitions, scores, times to live, unknown tags, a listing of another type", async () => {
  const spoilt = await openSpoilt.Redis();
  onTestFinished(() => spoilt.close());
  const redis = new Redis(spoilt.url);
  onTestFinished(() => redis.disconnect());
  const keys = createKeys("rollcall:");
  const fields = { meta: Buffer.concat([Buffer.alloc(16), Buffer.from("e".repeat(20))]), properties: "" };
  await spoilt.store.write([command("scored", { n: 1 }), command("well", { n: 1 })]);
  await redis.zadd(keys.ids(partitionOf("scored")), 5, "scored");
  const elsewhere = (partitionOf("moved") + 1) % 64;
  await redis.hset(keys.userIn(elsewhere, "moved"), fields);
  await redis.hset(Buffer.concat([Buffer.from(keys.userIn(3, "")), Buffer.from([0xff])]), fields);
  const other = Array.from({ length: 64 }, (_, partition) => partition).find(
    (partition) => ![partitionOf("scored"), partitionOf("well"), elsewhere, 3].includes(partition),
  );
  await redis.set(keys.ids(other ?? 0), "no sorted set");
  await redis.set("rollcall:other", "of somebody else");
  await spoilt.store.write([command("expiring", { n: 1 })]);
  await redis.expire(keys.user("expiring"), 3_600);
  await redis.expire(keys.ids(partitionOf("expiring")), 3_600);
  for (const tag of ["zz", "", "a", "aaa"]) await redis.hset(`rollcall:{${tag}}:user:tag '${tag}'`, fields);
  // Braces in an id mean nothing.
  await spoilt.store.write([command("}:user:{zz}:user:", { n: 1 })]);
  const { status, findings } = await verified(spoilt.url);
  expect(status).toBe(1);
  expect(findings.map(({ id, check, id_base64 }) => [id_base64 ?? id, check]).toSorted()).toEqual(
    [
      ["scored", "listing"],
      ["expiring", "expiry"],
      [keys.ids(partitionOf("expiring")), "expiry"],
      ["tag 'zz'", "place"],
      ["tag ''", "place"],
      ["tag 'a'", "place"],
      ["tag 'aaa'", "place"],
      ["moved", "place"],
      ["/w==", "id"],
      ["/w==", "listing"],
      [keys.ids(other ?? 0), "listing"],
    ].toSorted(),
  );
});

test("a cluster is walked over to its end, however long its servers wait for their turn", async () => {
  const cluster = await startCluster({ replicas: 0 });
  onTestFinished(() => cluster.stop());
  const store = await openRedis(cluster.url);
  const ids = Array.from({ length: 300 }, (_, n) => `u${n}`);
  await until(() => store.write(ids.map((id) => command(id, { n: 1 }, { wantUser: false }))).then(() => true));
  await store.close();
  const verifier = await openVerifier(parseStoreLocation(cluster.url), {}, createLogger("silent"));
  onTestFinished(() => verifier.close());
  const walk = verifier.walk();
  let users = (await walk.next()).value?.users ?? 0;
  // A minute later, connections that nobody has used meanwhile are closed.
  const { now } = performance;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now.call(performance) + 61_000);
  onTestFinished(() => clock.mockRestore());
  await until(async () => {
    const clients = await Promise.all(cluster.nodes.map(({ admin }) => admin.client("LIST")));
    return clients.every((list) => linesOf(String(list)).length === 1);
  });
  for await (const slice of walk) users += slice.users;
  expect(users).toBe(ids.length);
});

test("Sentinels are asked for the primary, and a key prefix is kept to", async () => {
  const servers = await startSentinels();
  onTestFinished(() => servers.stop());
  const store = await openRedis(servers.url, { redisKeyPrefix: "mine*:" });
  onTestFinished(() => store.close());
  await until(() => store.write([command("a", { n: 1 }), command("b", { n: 1 })]).then(() => true));
  const under = async (prefix: string) => {
    const { stdout } = await rollcall(["verify", "--store", servers.url, "--redis-key-prefix", prefix, "--json"]);
    return linesOf(stdout).map((line) => JSON.parse(line));
  };
  expect(await under("mine*:")).toEqual([{ users: 2, damaged: 0 }]);
  expect(await under("mine")).toEqual([{ users: 0, damaged: 0 }]);
  await (await servers.primary()).admin.hset("{zz}:user:of somebody else", "n", 1);
  expect(await under("")).toEqual([{ users: 0, damaged: 0 }]);
});

test("it needs the permissions that are documented, each of them", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  await createUser(admin, [...documented.server, ...documented.verify]);
  const store = await openRedis(redis.url);
  onTestFinished(() => store.close());
  await until(() => store.write([command("u", { n: 1 })]).then(() => true));
  const walk = async () => {
    const verifier = await openVerifier(parseStoreLocation(asUser(redis.url)), {}, createLogger("silent"));
    try {
      let users = 0;
      for await (const slice of verifier.walk()) users += slice.users;
      return users;
    } finally {
      verifier.close();
    }
  };
  expect(await walk()).toBe(1);
  expect(documented.verify.length).toBeGreaterThan(4);
  for (const name of commandsOf(documented.verify)) {
    await forbid(admin, name);
    await expect(walk(), name).rejects.toThrow(/NOPERM|permission|not available/);
    await allow(admin, name);
  }
});

test("a store that cannot be walked over is another exit status than one with damaged records", async () => {
  const missing = await rollcall(["verify", "--store", "sqlite:/nowhere/users.db"]);
  const pipe = join(temporaryFolder(), "pipe");
  makePipe(pipe);
  const waiting = await rollcall(["verify", "--store", `sqlite:${pipe}`]);
  expect(waiting).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("is not a file") });
  expect(missing).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("there is no database") });
  const away = await rollcall(["verify", "--store", "redis://user:secret@127.0.0.1:1"]);
  expect(away).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("cannot be reached") });
  expect(away.stderr).not.toContain("secret");
  const text = join(temporaryFolder(), "notes.txt");
  writeFileSync(text, "no database, but text that is longer than the head of one ".repeat(4));
  const said = "it is no SQLite database (file is not a database); name another file in --store";
  for (const command of [["verify"], ["backup", `${text}.copy`]]) {
    const { status, stderr } = await rollcall([...command, "--store", `sqlite:${text}`]);
    expect([status !== 0, stderr]).toEqual([true, expect.stringContaining(said)]);
  }
  expect((await rollcall(["verify", "--store", "nothing"])).status).toBe(2);
  expect((await rollcall(["verify", "--nothing"])).status).toBe(2);
});

test("options for Redis are taken from the command line", async () => {
  const redis = await startRedis({ args: ["--requirepass", "PASSWORD"] });
  onTestFinished(() => redis.stop());
  const file = join(temporaryFolder(), "password");
  writeFileSync(file, "PASSWORD\n");
  const store = redis.url.replace("redis://", "redis://default@");
  const walked = await rollcall(["verify", "--store", store, "--redis-password-file", file]);
  expect(walked).toMatchObject({ status: 0, stderr: expect.stringContaining("0 users") });
  const map = ["--redis-nat-map", "127.0.0.1=127.0.0.2"];
  const refused = await rollcall(["verify", "--store", store, "--redis-password-file", file, ...map]);
  expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("--redis-nat-map is for ") });
});
