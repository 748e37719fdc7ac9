/** What a client sees of a request that is wrong: code, reason, ErrorInfo, BadRequest. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { openBesideStore } from "../support/beside-store.ts";
import { enveloped } from "../support/grpc-streams.ts";
import { openSession, type RawAnswer, rawCall } from "../support/raw-calls.ts";
import { describeError, failureOf, type SeenError } from "../support/rpc-errors.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let users: Client<typeof UserService>;
beforeAll(async () => {
  server = await startTestServer();
  users = createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
});
afterAll(() => server.stop());

function nested(depth: number): JsonValue {
  let value: JsonValue = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { k: value };
  return value;
}

const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, i]));

const refused: [string, { id?: string; properties: JsonObject }, Partial<SeenError>][] = [
  [
    "an empty id",
    { id: "", properties: ada },
    { reason: "INVALID_ID", violations: [{ field: "id", reason: "INVALID_ID" }] },
  ],
  ["an id of 257 bytes", { id: `${"é".repeat(128)}x`, properties: ada }, { reason: "INVALID_ID" }],
  ["an id with control characters", { id: "a\u0000b", properties: ada }, { reason: "INVALID_ID" }],
  [
    "no name and no email for a new user",
    { properties: { n: 1 } },
    {
      reason: "REQUIRED_PROPERTY_MISSING",
      metadata: { required_properties: "name,email" },
      violations: [
        { field: "properties.name", reason: "REQUIRED_PROPERTY_MISSING" },
        { field: "properties.email", reason: "REQUIRED_PROPERTY_MISSING" },
      ],
    },
  ],
  [
    "a required property that is null",
    { properties: { ...ada, email: null } },
    { reason: "REQUIRED_PROPERTY_MISSING" },
  ],
  ["a required property that is empty", { properties: { ...ada, email: "" } }, { reason: "REQUIRED_PROPERTY_MISSING" }],
  [
    "a required property that is a number",
    { properties: { ...ada, name: 1 } },
    { reason: "REQUIRED_PROPERTY_MISSING" },
  ],
  [
    "an empty name",
    { properties: { ...ada, "": 1 } },
    { violations: [{ field: 'properties[""]', reason: "INVALID_PROPERTY" }] },
  ],
  [
    "25 levels",
    { properties: { ...ada, deep: nested(25) } },
    { reason: "LIMIT_EXCEEDED", metadata: { limit: "maxValueDepth", max: "24" } },
  ],
  ["513 properties", { properties: { ...ada, ...many(511) } }, { metadata: { limit: "maxProperties", max: "512" } }],
  [
    "a value over 64 KiB",
    { properties: { ...ada, big: "x".repeat(65_536) } },
    { violations: [{ field: "properties.big", reason: "LIMIT_EXCEEDED" }] },
  ],
  [
    "properties over 256 KiB",
    { properties: { ...ada, ...Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`t${n}`, "x".repeat(60_000)])) } },
    { violations: [{ field: "properties", reason: "LIMIT_EXCEEDED" }] },
  ],
  [
    "a name of 129 bytes",
    { properties: { ...ada, ["n".repeat(129)]: 1 } },
    { metadata: { limit: "maxPropertyNameBytes", max: "128" } },
  ],
];

describe("Identify refuses with INVALID_ARGUMENT", () => {
  test.each(refused)("%s", async (name, { id = `refused ${name}`, properties }, expected) => {
    const seen = await failureOf(users.identify({ id, properties }));
    expect(seen).toMatchObject({ code: "InvalidArgument", domain: "rollcall.v1", retry: false, ...expected });
    if (seen.reason !== "INVALID_ID") {
      expect(await failureOf(users.getUser({ id }))).toMatchObject({ reason: "USER_NOT_FOUND" });
    }
  });

  test.each([
    ["null", { email: null }],
    ["empty", { email: "" }],
  ])("a required property of a stored user sent as %s, which stays as it was", async (name, properties) => {
    const id = `stored ${name}`;
    const { user } = await users.identify({ id, properties: ada });
    expect(await failureOf(users.identify({ id, properties }))).toMatchObject({
      reason: "REQUIRED_PROPERTY_MISSING",
      violations: [{ field: "properties.email", reason: "REQUIRED_PROPERTY_MISSING" }],
    });
    expect((await users.getUser({ id })).user).toEqual(user);
  });

  test("a merge beyond the limits, and the user stays as it was", async () => {
    const { user } = await users.identify({ id: "merged", properties: { ...ada, ...many(500) } });
    const more = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`q${i}`, i]));
    expect(await failureOf(users.identify({ id: "merged", properties: more }))).toMatchObject({
      reason: "LIMIT_EXCEEDED",
      metadata: { limit: "maxProperties", max: "512" },
      violations: [{ field: "properties", reason: "LIMIT_EXCEEDED" }],
    });
    expect((await users.getUser({ id: "merged" })).user).toEqual(user);
  });
});

test("24 levels are stored and come back", async () => {
  const { user } = await users.identify({ id: "deep", properties: { ...ada, deep: nested(24) } });
  expect(user?.properties?.["deep"]).toEqual(nested(24));
});

test("GetUser refuses a wrong id and wrong names", async () => {
  expect(await failureOf(users.getUser({ id: "" }))).toMatchObject({ code: "InvalidArgument", reason: "INVALID_ID" });
  expect(await failureOf(users.getUser({ id: "u", onlyProperties: ["a", "", "n".repeat(129)] }))).toMatchObject({
    code: "InvalidArgument",
    violations: [
      { field: "only_properties[1]", reason: "INVALID_PROPERTY" },
      { field: "only_properties[2]", reason: "LIMIT_EXCEEDED" },
    ],
  });
});

describe("BatchIdentify", () => {
  const item = (id: string) => ({ id, properties: ada });

  /** The answers, and what the stream ended with. */
  async function stream(...messages: object[]) {
    async function* requests() {
      yield* messages;
    }
    const answers: { sequence: number; created: number }[] = [];
    try {
      for await (const { sequence, created } of users.batchIdentify(requests())) answers.push({ sequence, created });
      return { answers };
    } catch (error) {
      return { answers, error: describeError(error) };
    }
  }

  test("ends with INVALID_ARGUMENT at a message of 1,001 items, after what came before is answered", async () => {
    const tooMany = Array.from({ length: 1_001 }, (_, n) => item(`too many ${n}`));
    const end = await stream({ requests: [item("before")] }, { requests: tooMany }, { requests: [item("after")] });
    expect(end).toMatchObject({
      answers: [{ sequence: 0, created: 1 }],
      error: {
        code: "InvalidArgument",
        reason: "LIMIT_EXCEEDED",
        metadata: { limit: "maxBatchItems", max: "1000" },
        violations: [{ field: "requests", reason: "LIMIT_EXCEEDED" }],
      },
    });
    for (const id of ["too many 0", "after"]) {
      expect(await failureOf(users.getUser({ id }))).toMatchObject({ reason: "USER_NOT_FOUND" });
    }
  });

  test("ends with INVALID_ARGUMENT at an unknown report", async () => {
    const end = await stream({ requests: [item("report")] }, { requests: [], report: 7 });
    expect(end).toMatchObject({
      answers: [{ sequence: 0 }],
      error: { code: "InvalidArgument", reason: "INVALID_ENUM_VALUE", violations: [{ field: "report" }] },
    });
  });

  test("ends with RESOURCE_EXHAUSTED at a message over 4 MiB, after what came before is answered", async () => {
    const large = Array.from({ length: 90 }, (_, n) => ({
      id: `large ${n}`,
      properties: { ...ada, t: "x".repeat(60_000) },
    }));
    const end = await stream({ requests: [item("before large")] }, { requests: large });
    expect(end).toMatchObject({
      answers: [{ sequence: 0, created: 1 }],
      error: {
        code: "ResourceExhausted",
        reason: "LIMIT_EXCEEDED",
        metadata: { limit: "maxRequestBytes" },
        retry: false,
      },
    });
  });

  test("answers a thousand bad items within 3 MiB", async () => {
    const bad = Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`${"long name ".repeat(9)}${n}`, ""]));
    const requests = Array.from({ length: 1_000 }, (_, n) => ({
      id: `bad ${n} ${"x".repeat(200)}`,
      properties: { ...bad, ["n".repeat(129)]: 1, "": 1 },
    }));
    async function* messages() {
      yield { requests };
    }
    for await (const answer of users.batchIdentify(messages())) expect(answer.failed).toBe(1_000);
  });
});

test("a message over 4 MiB is RESOURCE_EXHAUSTED", async () => {
  const properties = Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`p${n}`, "x".repeat(60_000)]));
  expect(await failureOf(users.identify({ id: "huge", properties }))).toMatchObject({
    code: "ResourceExhausted",
    reason: "LIMIT_EXCEEDED",
    metadata: { limit: "maxRequestBytes", max: String(4 * 1024 * 1024) },
  });
});

test("a deadline is enforced by the server", async () => {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-deadline-"));
  const path = join(directory, "users.db");
  const slow = await startTestServer({ store: `sqlite:${path}` });
  const other = openBesideStore(path);
  other.exec("BEGIN IMMEDIATE");
  try {
    const answer = await fetch(`${slow.url}/rollcall.v1.UserService/Identify`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-timeout-ms": "50" },
      body: JSON.stringify({ id: "deadline", properties: ada }),
    });
    expect(await answer.json()).toMatchObject({
      code: "deadline_exceeded",
      details: [{ type: "google.rpc.ErrorInfo", debug: { reason: "DEADLINE_EXCEEDED", domain: "rollcall.v1" } }],
    });
  } finally {
    other.exec("ROLLBACK");
    other.close();
    await slow.stop();
    rmSync(directory, { recursive: true });
  }
});

describe("a message that is compressed as the header of another protocol says", () => {
  const body = enveloped(gzipSync('{"requests":[{"id":"compressed"}]}'), 1);
  const path = "/rollcall.v1.UserService/BatchIdentify";

  async function outcomeOf(headers: Record<string, string>): Promise<RawAnswer> {
    const session = await openSession(server.url);
    onTestFinished(() => session.destroy());
    return rawCall(session, { path, headers, body });
  }

  test("is read by Connect's own header, whatever gRPC's says", async () => {
    const headers = { "content-type": "application/connect+json", "connect-content-encoding": "gzip" };
    expect(await outcomeOf({ ...headers, "grpc-encoding": "none-such" })).toMatchObject({ outcome: "ok" });
  });

  test("cannot be read by gRPC where only Connect's header says so", async () => {
    const headers = { "content-type": "application/grpc+json", "connect-content-encoding": "gzip" };
    expect(await outcomeOf(headers)).toMatchObject({
      outcome: "internal",
      message: expect.stringContaining("received compressed envelope"),
    });
  });
});

test("no request so far failed inside, and no line of the log holds what was sent", () => {
  const log = JSON.stringify(server.logs);
  for (const content of ["ada@example.com", "no address", "xxxxxxxx"]) expect(log).not.toContain(content);
  expect(server.logs.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  expect(server.logs.some(({ msg }) => msg === "request")).toBe(true);
});
