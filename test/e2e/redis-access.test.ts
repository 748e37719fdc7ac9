/** How the server gets at Redis: TLS, credentials, the database's number, what keys begin with. */
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { createRollcallClient } from "../../src/client/index.ts";
import { parseNatMap } from "../../src/config/redis-nat-map.ts";
import type { RedisSettings } from "../../src/server/open-store.ts";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { rollcall, serve } from "../support/processes.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { allow, asUser, createUser, documented, forbid } from "../support/redis-users.ts";
import { failureOf } from "../support/rpc-errors.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const password = "pass/word@:with%marks";
const encoded = encodeURIComponent(password);
let servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  servers = [];
});

async function redisWith(...args: string[]): Promise<RedisProcess> {
  const redis = await startRedis({ args });
  onTestFinished(() => redis.stop());
  return redis;
}

async function serverOver(store: string, redis: RedisSettings = {}): Promise<TestServer> {
  const server = await startTestServer({ store, redis });
  servers.push(server);
  return server;
}

/** Writes a user and reads it back. */
async function worksOver(store: string, redis: RedisSettings = {}): Promise<TestServer> {
  const server = await serverOver(store, redis);
  const client = createRollcallClient(server.url);
  await until(() => client.identify({ id: "u", properties: ada }).then(() => true));
  expect((await client.getUser({ id: "u" })).user?.properties).toEqual(ada);
  expect(told(server)).not.toContain(password);
  return server;
}

async function isUnavailable(server: TestServer): Promise<void> {
  const seen = await failureOf(
    createRollcallClient({ server: server.url, retries: false }).identify({ id: "u", properties: ada }),
  );
  expect(seen).toMatchObject({ code: "Unavailable", reason: "STORE_UNAVAILABLE", retry: true });
  expect(`${JSON.stringify(seen)}${told(server)}`).not.toMatch(/pass\/word|pass%2Fword|wrong-one|right-one/);
}

const told = (server: TestServer) => JSON.stringify(server.logs);

/** A server that has a port for TLS beside the one without. */
async function redisWithTls({ ca, cert, key }: Certificates, ...args: string[]): Promise<[RedisProcess, number]> {
  return until(async () => {
    // One that no outgoing connection has, nor the cluster's bus, ten thousand higher.
    const port = randomInt(10_000, 22_000);
    const files = ["--tls-ca-cert-file", ca, "--tls-cert-file", cert, "--tls-key-file", key];
    return [await redisWith("--tls-port", String(port), ...files, ...args), port] as [RedisProcess, number];
  });
}

function withCertificates() {
  const certificates = createCertificates();
  onTestFinished(() => certificates.remove());
  const { ca, cert, key } = certificates;
  return { certificates, trusting: { redisCa: ca }, presenting: { redisCa: ca, redisCert: cert, redisKey: key } };
}

test("rediss:// with an authority and a client certificate", async () => {
  const { certificates, trusting, presenting } = withCertificates();
  const [, port] = await redisWithTls(certificates);
  const store = `rediss://127.0.0.1:${port}`;
  await worksOver(store, presenting);
  await isUnavailable(await serverOver(store, trusting));
  await isUnavailable(await serverOver(store, { redisCert: certificates.cert, redisKey: certificates.key }));
});

test("rediss+cluster:// with an authority, a client certificate and a password", async () => {
  const { certificates, presenting } = withCertificates();
  const options = ["--cluster-enabled", "yes", "--tls-cluster", "yes", "--requirepass", password];
  const nodes = [await redisWithTls(certificates, ...options), await redisWithTls(certificates, ...options)];
  const admins = nodes.map(([{ port }]) => new Redis(port, { password }));
  onTestFinished(() => {
    for (const admin of admins) admin.disconnect();
  });
  const [first, second] = admins;
  await first?.cluster("ADDSLOTSRANGE", 0, 8_191);
  await second?.cluster("ADDSLOTSRANGE", 8_192, 16_383);
  await second?.call("CLUSTER", "SET-CONFIG-EPOCH", 2);
  await first?.cluster("MEET", "127.0.0.1", nodes[1]?.[1] ?? 0);
  await until(async () => {
    const states = await Promise.all(admins.map((admin) => admin.call("CLUSTER", "INFO")));
    return states.every((state) => String(state).includes("cluster_state:ok"));
  });
  const server = await worksOver(`rediss+cluster://:${encoded}@127.0.0.1:${nodes[0]?.[1]}`, presenting);
  const ids = Array.from({ length: 100 }, (_, index) => `user-${index}`);
  const client = createRollcallClient(server.url);
  await Promise.all(ids.map((id) => client.identify({ id, properties: ada })));
  expect((await client.batchGetUsers({ ids })).users).toHaveLength(ids.length);
  for (const admin of admins) expect(await admin.dbsize()).toBeGreaterThan(0);
});

test("a user and a password; a wrong one is told to nobody", async () => {
  const redis = await redisWith();
  const admin = new Redis(redis.port);
  onTestFinished(() => admin.disconnect());
  await admin.acl("SETUSER", "rollcall", "on", `>${password}`, "~rollcall:*", "+@all");
  await admin.acl("SETUSER", "default", "off");
  await worksOver(`redis://rollcall:${encoded}@127.0.0.1:${redis.port}`);
  await isUnavailable(await serverOver(`redis://rollcall:wrong-one@127.0.0.1:${redis.port}`));
  await isUnavailable(await serverOver(`redis://:wrong-one@127.0.0.1:${redis.port}`));
});

test("Sentinels and the servers behind them have passwords of their own", async () => {
  const redis = await redisWith("--requirepass", password);
  const lines = [`sentinel monitor users 127.0.0.1 ${redis.port} 1`, `sentinel auth-pass users "${password}"`];
  const sentinel = await startRedis({ sentinel: lines, args: ["--requirepass", "right-one"] });
  onTestFinished(() => sentinel.stop());
  const store = `redis+sentinel://:${encoded}@127.0.0.1:${sentinel.port}/users`;
  await worksOver(store, { redisSentinelPassword: "right-one" });
  await isUnavailable(await serverOver(store, { redisSentinelPassword: "wrong-one" }));
});

describe("a password from a file", () => {
  function fileWith(text: string): string {
    const directory = mkdtempSync(join(tmpdir(), "rollcall-password-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "password");
    writeFileSync(file, text);
    return file;
  }

  /** Ends every other connection to a server. */
  const cutOff = (admin: Redis) => admin.call("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal");

  test("that is rotated is used from then on, by servers of Redis and by a cluster", async () => {
    for (const args of [[], ["--cluster-enabled", "yes"]]) {
      const redis = await redisWith(...args);
      const admin = new Redis(redis.port);
      onTestFinished(() => admin.disconnect());
      if (args.length > 0) await admin.cluster("ADDSLOTSRANGE", 0, 16_383);
      await admin.acl("SETUSER", "rollcall", "on", `>${password}`, "~rollcall:*", "+@all");
      const file = fileWith(`${password}\n`);
      const scheme = args.length > 0 ? "redis+cluster" : "redis";
      const server = await worksOver(`${scheme}://rollcall@127.0.0.1:${redis.port}`, { redisPasswordFile: file });
      const client = createRollcallClient({ server: server.url, retries: false });

      await admin.acl("SETUSER", "rollcall", ">right-one");
      writeFileSync(file, "right-one\r\n");
      await admin.acl("SETUSER", "rollcall", `<${password}`);
      await cutOff(admin);
      await until(async () => expect((await client.getUser({ id: "u" })).user?.properties).toEqual(ada));
      expect(server.logs).toContainEqual(
        expect.objectContaining({ msg: "a password of Redis was read again; new connections use it", file }),
      );
      // One that is empty leaves the one from before in use.
      writeFileSync(file, "\n");
      await until(() => told(server).includes(`${file}: it is empty`));
      await cutOff(admin);
      await until(async () => expect((await client.getUser({ id: "u" })).user?.properties).toEqual(ada));
      expect(told(server)).not.toMatch(/pass\/word|right-one/);
    }
  });

  test("that is wrong is looked for where it is from", async () => {
    const redis = await redisWith("--requirepass", password);
    const fromFile = await serverOver(`redis://127.0.0.1:${redis.port}`, { redisPasswordFile: fileWith("wrong-one") });
    const file = "; check the password in the file of --redis-password-file, and the user name in --store";
    await until(() => expect(told(fromFile)).toContain(file));
    const fromUrl = await serverOver(`redis://:wrong-one@127.0.0.1:${redis.port}`);
    await until(() => expect(told(fromUrl)).toMatch(/; check them in --store"/));
  });

  test("of the Sentinels, that is rotated while they cannot be reached", async () => {
    const redis = await redisWith();
    const lines = [`sentinel monitor users 127.0.0.1 ${redis.port} 1`];
    const sentinel = await startRedis({ sentinel: lines, args: ["--requirepass", "right-one"] });
    onTestFinished(() => sentinel.stop());
    const file = fileWith("wrong-one");
    const store = `redis+sentinel://127.0.0.1:${sentinel.port}/users`;
    const server = await serverOver(store, { redisSentinelPasswordFile: file });
    await isUnavailable(server);
    writeFileSync(file, "right-one");
    const client = createRollcallClient({ server: server.url, retries: false });
    await until(() => client.identify({ id: "u", properties: ada }).then(() => true));
    expect(told(server)).not.toMatch(/wrong-one|right-one/);
  });

  test.each([
    ["redis://:x@h", { redisPasswordFile: "a" }, /--redis-password-file is given, and --store has a password too/],
    ["redis://ann@h", {}, /--store has a user and no password: .* --redis-password-file/],
    ["redis://h", { redisPasswordFile: "/nowhere/a" }, /--redis-password-file cannot be used: \/nowhere\/a: ENOENT/],
    ["redis://h", { redisSentinelPassword: "x", redisSentinelPasswordFile: "a" }, /exclude one another/],
    ["redis://h", { redisNatMap: parseNatMap("a=b") }, /--redis-nat-map is for .*redis\+cluster:\/\//],
  ])("%s with %j does not start", async (store, settings, message) => {
    await expect(serverOver(store, settings)).rejects.toThrow(message);
  });

  test.each([
    ["", /it is empty/],
    ["\n", /it is empty/],
    ["s3cret\ns3cret\n", /it has more than one line/],
  ])("%j is refused without a word of it", async (text, message) => {
    const refused = await serverOver("redis://h", { redisPasswordFile: fileWith(text) }).catch(String);
    expect(refused).toMatch(message);
    expect(refused).not.toContain("s3cret");
  });
});

test("an entry of --redis-nat-map that leads to nothing is in the log, while the server serves the other users", async () => {
  const cluster = await startCluster({ replicas: 0 });
  onTestFinished(() => cluster.stop());
  const entry = `127.0.0.1:${cluster.nodes[0]?.process.port}=127.0.0.1:1`;
  const server = await serverOver(cluster.url, { redisNatMap: parseNatMap(entry) });
  await until(() =>
    expect(server.logs).toContainEqual(
      expect.objectContaining({
        msg: "some of the users cannot be served; trying again",
        reason: expect.stringContaining(`Redis at 127.0.0.1:1 (by ${entry} of --redis-nat-map: is that right?)`),
      }),
    ),
  );
});

test("a user with few permissions: only JSON is logged, and a permission that is taken away is named", async () => {
  const redis = await redisWith();
  const admin = new Redis(redis.port);
  onTestFinished(() => admin.disconnect());
  await createUser(admin, documented.server);
  let log = "";
  const server = await serve(asUser(redis.url), ["--log-level", "info"], (piece) => {
    log += piece;
  });
  onTestFinished(async () => {
    await server.stop("SIGKILL");
  });
  const client = createRollcallClient({ server: server.url, retries: false });
  await until(() => client.identify({ id: "u", properties: ada }).then(() => true));
  await forbid(admin, "zadd");
  await until(() => log.includes("the user needs +zadd; docs/operating.md lists all that it needs"));
  const { status, stdout } = await rollcall(["health", "--server", server.url]);
  expect(status).not.toBe(0);
  expect(stdout).toContain("NOT_SERVING");
  await allow(admin, "zadd");
  await until(() => log.includes("the store is available again"));
  for (const line of log.trim().split("\n")) expect(() => JSON.parse(line), line).not.toThrow();
});

test("the database that the URL names, and keys that begin with the prefix", async () => {
  const redis = await redisWith("--databases", "8");
  await worksOver(`${redis.url}/7`, { redisKeyPrefix: "staff:" });
  await worksOver(`${redis.url}/7`, { redisKeyPrefix: "guests:" });
  const admin = new Redis(redis.port, { db: 7 });
  onTestFinished(() => admin.disconnect());
  const users = (await admin.keys("*:user:u")).map((key) => key.replace(/\{\w+\}/, "{}"));
  expect(users.sort()).toEqual(["guests:{}:user:u", "staff:{}:user:u"]);
  expect(await admin.info("keyspace")).not.toContain("db0:");
});

test("settings that are wrong end the start with a line that says so, without the password", async () => {
  const store = `redis://:${encoded}@127.0.0.1:1`;
  for (const [args, line] of [
    [["--store", `${store}/notanumber`], /--store.*Expected redis:/],
    [["--store", store, "--redis-ca", "ca.pem"], /--redis-ca, --redis-cert and --redis-key need TLS/],
    [["--store", store.replace("redis", "rediss"), "--redis-ca", "/nowhere.pem"], /--redis-ca cannot be read/],
    [["--store", store.replace("redis", "rediss"), "--redis-cert", import.meta.filename], /--redis-cert is not in PEM/],
  ] as const) {
    const { status, stdout, stderr } = await rollcall(["serve", "--listen", "127.0.0.1:0", ...args]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(line);
    expect(`${stdout}${stderr}`).not.toMatch(/pass\/word|pass%2Fword/);
  }
});
