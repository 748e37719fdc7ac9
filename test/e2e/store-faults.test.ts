/** What the log says of a store that does not answer: the name, the cause and the next step, in no library's words. */
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { openBesideStore } from "../support/beside-store.ts";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { temporaryFolder } from "../support/files.ts";
import { rollcall } from "../support/processes.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let certificates: Certificates;
let redis: RedisProcess;
let locked: RedisProcess;
let secured: RedisProcess;
let securedPort: number;
beforeAll(async () => {
  certificates = createCertificates();
  const { ca, cert, key } = certificates;
  redis = await startRedis();
  locked = await startRedis({ args: ["--requirepass", "right"] });
  // Its second port, which a free server's number stands for.
  const free = await startRedis();
  securedPort = free.port;
  await free.stop();
  const files = ["--tls-ca-cert-file", ca, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no"];
  secured = await startRedis({ args: ["--tls-port", String(securedPort), ...files] });
});
afterAll(async () => {
  await Promise.all([redis.stop(), locked.stop(), secured.stop()]);
  certificates.remove();
});

const reasonsIn = ({ logs }: TestServer) =>
  logs.filter(({ msg }) => msg === "the store is not available; trying again").map(({ reason }) => String(reason));

/** Words of ioredis, of Node and of OpenSSL about themselves. */
const ofLibraries = /maxRetriesPerRequest|Socket timeout|Connection is closed\.$|routines|deps\/openssl|HELLO must/;

const faults: readonly [string, () => string, RegExp][] = [
  ["nobody listens", () => "redis://127.0.0.1:1", /^Redis at 127.0.0.1:1 cannot be reached: .*; is Redis running/],
  [
    "no such host",
    () => "redis://nowhere.invalid:1",
    /^Redis at nowhere.invalid:1 .*; check the host's name in --store/,
  ],
  [
    "a wrong password",
    () => locked.url.replace("//", "//:wrong@"),
    /does not accept the user name and the password; check/,
  ],
  ["no password", () => locked.url, /Redis asks for a password; give it in --store, before the hosts/],
  ["TLS to a port without", () => redis.url.replace("redis:", "rediss:"), /; check the address .* begins with rediss/],
  ["no TLS to a port with", () => `redis://127.0.0.1:${securedPort}`, /; .*a store with TLS begins with rediss/],
  [
    "an authority that is not known",
    () => `rediss://127.0.0.1:${securedPort}`,
    /certificate.*; .* named by --redis-ca$/,
  ],
  ["no cluster", () => "redis+cluster://127.0.0.1:1", /^Redis' cluster cannot be reached at 127.0.0.1:1: .*; /],
  ["no Sentinel", () => "redis+sentinel://127.0.0.1:1/main", /^Redis \(main, by its Sentinels\) .*no Sentinel answers/],
];

test.concurrent.each(faults)("Redis: %s", async (_, store, expected) => {
  const server = await startTestServer({ store: store() });
  try {
    await until(() => reasonsIn(server).some((reason) => expected.test(reason)));
    const told = server.logs.filter(({ level }) => Number(level) >= 40).map((line) => JSON.stringify(line));
    expect(told.join("\n")).not.toMatch(ofLibraries);
    for (const { failure } of server.logs.filter((line) => "failure" in line))
      expect(failure).toBe("STORE_UNAVAILABLE");
  } finally {
    await server.stop();
  }
});

test("Redis that hangs: the log, health and callers say so, and the log says when it is over", async () => {
  const server = await startTestServer({ store: redis.url });
  onTestFinished(() => server.stop());
  redis.kill("SIGSTOP");
  onTestFinished(() => redis.kill("SIGCONT"));
  const hangs = new RegExp(
    `^Redis at 127.0.0.1:${redis.port}\\b.*: no answer within \\d+ ms; does its process hang, is a command slow`,
  );
  await until(() => reasonsIn(server).some((reason) => hangs.test(reason)));
  const asked = await rollcall(["health", "--server", server.url]);
  expect(asked).toMatchObject({ status: 1, stdout: "NOT_SERVING\n" });
  expect(asked.stderr).toBe(
    `${server.url} answers but does not serve: its store is away, or it is stopping; see its log\n`,
  );
  const called = await rollcall(["get", "u", "--server", server.url]);
  expect(called.stderr).toMatch(/^rollcall: UNAVAILABLE STORE_UNAVAILABLE: the store is not available/);
  const failed = server.logs.filter(({ msg }) => msg === "a request failed inside");
  expect(failed.map(({ failure }) => failure)).toContain("STORE_UNAVAILABLE");
  for (const { reason } of failed) expect(String(reason)).toMatch(hangs);
  expect(server.logs.map((line) => JSON.stringify(line)).join("\n")).not.toMatch(ofLibraries);
  // Each reason once, however long it lasts.
  expect(new Set(reasonsIn(server)).size).toBe(reasonsIn(server).length);
  redis.kill("SIGCONT");
  await until(() => server.logs.some(({ msg }) => msg === "the store is available again"));
});

describe("the log names the file, the cause and the next step where SQLite's database", () => {
  let path: string;
  beforeEach(async () => {
    path = join(temporaryFolder(), "users.db");
    await (await openSqliteStore(path)).close();
  });

  async function served(): Promise<TestServer> {
    const server = await startTestServer({ store: `sqlite:${path}` });
    onTestFinished(() => server.stop());
    return server;
  }
  const isTold = (server: TestServer, cause: RegExp) =>
    reasonsIn(server).some((reason) => reason.startsWith(`SQLite at ${path}: `) && cause.test(reason));

  test("is locked by another process", async () => {
    const server = await served();
    const other = openBesideStore(path);
    onTestFinished(() => other.close());
    other.exec("BEGIN IMMEDIATE");
    const cause = /: another process has locked it for too long \(database is locked\); stop whatever else uses it$/;
    await until(() => isTold(server, cause));
  });

  test("is damaged", async () => {
    // All but the first page, which says what tables there are.
    const file = openSync(path, "r+");
    writeSync(file, Buffer.alloc(8_192, 0xff), 0, 8_192, 4_096);
    closeSync(file);
    const server = await served();
    const cause = /: database disk image is malformed; restore a backup, or let sqlite3 \.recover make a new database$/;
    await until(() => isTold(server, cause));
    expect(server.logs.flatMap(({ failure }) => failure ?? [])).toEqual(["STORE_UNAVAILABLE"]);
  });
});
