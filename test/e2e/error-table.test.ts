/** One row for each reason of the contract: what a client of each protocol sees of it. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { ConnectError, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ErrorReason } from "#gen/rollcall/v1/errors_pb.js";
import { IdentifyRequestSchema, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { createKeys, partitionOf } from "../../src/store/redis/keys.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { describeError, type SeenError } from "../support/rpc-errors.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { type Row, rows, unary, users } from "./error-rows.ts";

const protocols: [string, (baseUrl: string) => Transport][] = [
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
  [
    "gRPC, compressed",
    (baseUrl) => createGrpcTransport({ baseUrl, sendCompression: compressionGzip, compressMinBytes: 0 }),
  ],
  ["gRPC-Web", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
  ["Connect JSON", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false })],
];
const { getUser } = UserService.method;

let redis: RedisProcess;
let server: TestServer;
let admin: Redis;
beforeAll(async () => {
  redis = await startRedis();
  server = await startTestServer({ store: redis.url });
  admin = new Redis(redis.url);
  await users(createGrpcTransport({ baseUrl: server.url })).identify({ id: "there", properties: ada });
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
  await redis.stop();
});

const tested = new Set<string>();

/** The failure as the client sees it, with the size of its details. */
async function seen(call: Promise<unknown>): Promise<SeenError> {
  const failure = await call.then(
    () => expect.fail("the call succeeded"),
    (error: unknown) => ConnectError.from(error),
  );
  const bytes = failure.details.reduce((sum, detail) => sum + ("type" in detail ? detail.value.length : 0), 0);
  expect(bytes).toBeLessThan(4_096);
  return describeError(failure);
}

async function expectRow({ reason, code, metadata, violations, retry }: Omit<Row, "call">, call: Promise<unknown>) {
  tested.add(reason);
  expect(await seen(call)).toEqual({
    code,
    reason,
    domain: "rollcall.v1",
    metadata: metadata ?? {},
    violations: violations ?? [],
    retry: retry ?? false,
    message: expect.stringMatching(/\w{3}/),
  });
}

describe.each(protocols)("through %s", (protocol, connect) => {
  test.each(rows)("$reason is $code", async ({ call, ...row }) => {
    await expectRow(row, call(connect(server.url)));
  });

  test("MALFORMED_REQUEST is InvalidArgument", async () => {
    const row = { reason: "MALFORMED_REQUEST", code: "InvalidArgument" } as const;
    if (protocol === "Connect JSON") {
      const other = unary(connect(server.url), { ...getUser, input: IdentifyRequestSchema }, { properties: ada });
      await expectRow({ ...row, violations: [{ field: "properties", reason: "MALFORMED_REQUEST" }] }, other);
    } else {
      // A field that says that it is longer than what follows.
      const cutShort = { $unknown: [{ no: 1, wireType: 2, data: Uint8Array.of(9, 1) }] };
      await expectRow(row, unary(connect(server.url), getUser, { ...create(getUser.input), ...cutShort }));
    }
  });

  test("an error with many long fields stays small", async () => {
    const properties = Object.fromEntries(
      Array.from({ length: 500 }, (_, n) => [
        `${"\u0001é".repeat(30)}${n}`,
        "x".repeat(65_600 - (n > 30 ? 65_000 : 0)),
      ]),
    );
    const { violations, code } = await seen(users(connect(server.url)).identify({ id: "", properties }));
    expect(code).toBe("InvalidArgument");
    expect(violations.length).toBeGreaterThan(5);
    expect(violations.length).toBeLessThanOrEqual(20);
  });

  test("USER_DAMAGED is Internal", async () => {
    const id = `damaged ${protocol}`;
    await users(connect(server.url)).identify({ id, properties: ada });
    await admin.hset(createKeys("rollcall:").user(id), "properties", "no Struct");
    const metadata = { part: "properties" };
    await expectRow({ reason: "USER_DAMAGED", code: "Internal", metadata }, users(connect(server.url)).getUser({ id }));
  });

  test("INTERNAL is Internal", async () => {
    const listing = createKeys("rollcall:").ids(partitionOf("there"));
    await admin.rename(listing, "aside");
    await admin.set(listing, "no sorted set");
    try {
      await expectRow({ reason: "INTERNAL", code: "Internal" }, users(connect(server.url)).listUsers({}));
    } finally {
      await admin.rename("aside", listing);
    }
  });

  test("STORE_FULL is ResourceExhausted, without an invitation to try again", async () => {
    await admin.config("SET", "maxmemory", "1");
    try {
      const call = users(connect(server.url)).identify({ id: "full", properties: ada });
      await expectRow({ reason: "STORE_FULL", code: "ResourceExhausted" }, call);
    } finally {
      await admin.config("SET", "maxmemory", "0");
    }
  });

  describe("while the store does not answer", () => {
    afterEach(() => redis.kill("SIGCONT"));

    test("DEADLINE_EXCEEDED is DeadlineExceeded, by the server", async () => {
      redis.kill("SIGSTOP");
      const headers = protocol === "Connect JSON" ? { "connect-timeout-ms": "100" } : { "grpc-timeout": "100m" };
      const client = users(connect(server.url));
      const read = client.getUser({ id: "there" }, { headers });
      await expectRow({ reason: "DEADLINE_EXCEEDED", code: "DeadlineExceeded" }, read);
      // Of a read no write can have been applied.
      const message = "the deadline passed before the answer was there";
      expect(await seen(read)).toMatchObject({ message });
      const write = client.identify({ id: "late", properties: ada }, { headers });
      expect(await seen(write)).toMatchObject({ message: `${message}; a write may have been applied` });
    });

    test("STORE_UNAVAILABLE is Unavailable, with an invitation to try again", async () => {
      redis.kill("SIGSTOP");
      const call = users(connect(server.url)).getUser({ id: "there" });
      await expectRow({ reason: "STORE_UNAVAILABLE", code: "Unavailable", retry: true }, call);
    });
  });
});

describe.each(protocols)("of who calls, through %s", (_, connect) => {
  let asking: TestServer;
  let directory: string;
  const as = (token: string | undefined) => {
    const headers = token === undefined ? undefined : { authorization: `Bearer ${token}` };
    return users(connect(asking.url)).deleteUser({ id: "nobody" }, { ...(headers && { headers }) });
  };
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "rollcall-credentials-"));
    const credentials = join(directory, "credentials.json");
    const sha256 = createHash("sha256").update("known").digest("hex");
    writeFileSync(credentials, JSON.stringify({ tokens: [{ name: "a", sha256, scopes: ["users.read"] }] }));
    // Nothing listens on the first port.
    const jwt = { jwtJwks: "http://127.0.0.1:1/keys", jwtIssuer: "i", jwtAudience: "a" };
    asking = await startTestServer({ access: { credentials, ...jwt } });
  });
  afterAll(async () => {
    await asking.stop();
    rmSync(directory, { recursive: true });
  });

  test("CREDENTIALS_INVALID is Unauthenticated", async () => {
    await expectRow({ reason: "CREDENTIALS_INVALID", code: "Unauthenticated" }, as(undefined));
    await expectRow({ reason: "CREDENTIALS_INVALID", code: "Unauthenticated" }, as("unknown"));
  });

  test("SCOPE_MISSING is PermissionDenied", async () => {
    const metadata = { scope: "users.delete" };
    await expectRow({ reason: "SCOPE_MISSING", code: "PermissionDenied", metadata }, as("known"));
  });

  test("CREDENTIALS_UNVERIFIABLE is Unavailable, with an invitation to try again", async () => {
    const claims = { iss: "i", aud: "a", sub: "s", exp: 2 ** 40 };
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token = [part({ alg: "ES256", kid: "k" }), part(claims), part("signature")].join(".");
    await expectRow({ reason: "CREDENTIALS_UNVERIFIABLE", code: "Unavailable", retry: true }, as(token));
  });
});

test("OVERLOADED is ResourceExhausted, with an invitation to try again", async () => {
  const store = redis.url;
  const small = await startTestServer({ store, limits: { maxWaitingBytes: 1_000 } });
  const { identify } = users(createGrpcTransport({ baseUrl: small.url }));
  redis.kill("SIGSTOP");
  try {
    // One is under way, one waits, and one is too much.
    const calls = [1, 2, 3].map((n) => identify({ id: `burst ${n}`, properties: { ...ada, text: "x".repeat(5_000) } }));
    const refused = Promise.race(calls.map((call) => call.then(() => expect.fail("a call succeeded"))));
    await expectRow({ reason: "OVERLOADED", code: "ResourceExhausted", retry: true }, refused);
    await Promise.allSettled(calls);
  } finally {
    redis.kill("SIGCONT");
    await small.stop();
  }
});

test("DRAINING is Unavailable, with an invitation to try again", async () => {
  const other = await startTestServer();
  async function* requests() {
    yield { requests: [{ id: "u", properties: ada }] };
    await new Promise(() => {});
  }
  const answers = users(createGrpcTransport({ baseUrl: other.url }))
    .batchIdentify(requests())
    [Symbol.asyncIterator]();
  expect((await answers.next()).value).toMatchObject({ created: 1 });
  const next = answers.next();
  const stopped = other.stop();
  await expectRow({ reason: "DRAINING", code: "Unavailable", retry: true }, next);
  await stopped;
});

test("every reason of the contract has its row", () => {
  const reasons = Object.keys(ErrorReason).filter((key) => Number.isNaN(Number(key)) && key !== "UNSPECIFIED");
  expect([...tested].sort()).toEqual(reasons.sort());
});
