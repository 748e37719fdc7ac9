/**
 * Requests within the limit on bytes that would be made into much more: each is refused by its cost, on every way in, before
 * anything of it is decoded, and the server goes on.
 */
import { once as nextOf } from "node:events";
import type { ClientHttp2Session } from "node:http2";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionV1Alpha } from "#gen-server/grpc/reflection/v1alpha/reflection_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { limits } from "../../src/users/limits.ts";
import { enveloped } from "../support/grpc-streams.ts";
import { encodedCall, openSession, type RawAnswer, rawCall } from "../support/raw-calls.ts";
import { field } from "../support/request-shapes/binary.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let session: ClientHttp2Session;
beforeAll(async () => {
  server = await startTestServer();
  session = await openSession(server.url);
});
afterAll(async () => {
  session.close();
  await server.stop();
});

type Method = keyof typeof UserService.method;
const pathOf = (method: Method) => `/${UserService.typeName}/${UserService.method[method].name}`;
const size = limits.maxRequestBytes - 100;
const repeated = (text: string, bytes = size) => text.repeat(Math.floor(bytes / text.length));
const filled = (hex: string, bytes = size) => Buffer.alloc(bytes - (bytes % (hex.length / 2)), hex, "hex");
const lists = (item: string) => `{"id":"u","properties":{"x":[${repeated(item)}0]}}`;
const texts = (name: string, before = '"id":"u",') => `{${before}"${name}":[${repeated('"a",')}"a"]}`;
const names = () => {
  const entries = Array.from({ length: size / 12 }, (_, at) => `"k${at.toString(36)}":0`);
  return `{"id":"u","properties":{${entries.join(",")}}}`;
};

/** What it was answered, and why. */
type Refusal = readonly [outcome: string, message: RegExp];

const tooLarge: Refusal = [
  "resource_exhausted",
  /^the message takes more than 4194304 bytes in protobuf; send fewer values/,
];

/** Makes it once, however often it is sent. */
function once<Body>(make: () => Body): () => Body {
  let made: Body | undefined;
  return () => (made ??= make());
}

/** What stands for little text and for very many values. */
const jsonCases: readonly (readonly [what: string, method: Method, text: () => string, refusal: Refusal])[] = [
  ["lists in lists", "identify", () => lists("[[[[]]]],"), tooLarge],
  ["objects", "identify", () => lists("{},"), tooLarge],
  ["numbers", "identify", () => lists("0,"), tooLarge],
  ["names", "identify", names, tooLarge],
  [
    "nested lists",
    "identify",
    () => `{"properties":{"x":${"[".repeat(1_100)}${"]".repeat(1_100)}}}`,
    ["invalid_argument", /nested deeper/],
  ],
  [
    "names of a batch",
    "identifyUsers",
    () => `{"requests":[${Array.from({ length: 200 }, namesOfItem).join(",")}]}`,
    ["invalid_argument", /^requests: hold \d+ names; at most 65536/],
  ],
  ["ids", "batchGetUsers", () => texts("ids", ""), ["invalid_argument", /^ids: has \d+ ids; at most 1000/]],
  ["names to unset", "identify", () => texts("unset"), ["invalid_argument", /unset: has \d+ names; at most 512/]],
  [
    "names to select",
    "getUser",
    () => texts("only_properties"),
    ["invalid_argument", /only_properties: has \d+ names; at most 512/],
  ],
  [
    "values in what is sought",
    "findUsers",
    () => `{"match":{"property":"p","equals":[${repeated("[],")}0]}}`,
    tooLarge,
  ],
  [
    "letters to fold",
    "findUsers",
    () => `{"match":{"property":"p","equals":"${repeated("\u0390", size / 2)}"}}`,
    ["invalid_argument", /^match.equals: is no value that a property can have/],
  ],
  ["values to filter by", "scanUsers", () => `{"where":{"properties":{"x":[${repeated("[],")}0]}}}`, tooLarge],
  [
    "letters of a page token",
    "scanUsers",
    () => `{"page_token":"${repeated("A")}"}`,
    ["invalid_argument", /^page_token: is not one that ScanUsers gave/],
  ],
  ["preferences", "setPreferences", () => `{"id":"u","preferences":{"x":[${repeated("[],")}0]}}`, tooLarge],
];

const namesOfItem = () => `{"id":"u","unset":[${repeated('"a",', 4 * (limits.maxProperties - 1))}"a"]}`;

const binaryCases: readonly (readonly [what: string, method: Method, bytes: () => Buffer, refusal: Refusal])[] = [
  ["unknown fields", "identify", () => filled("7a00"), ["invalid_argument", /^id: /]],
  [
    "names to unset",
    "identify",
    () => Buffer.concat([Buffer.from("0a0175", "hex"), filled("2200")]),
    ["invalid_argument", /unset: has 2097\d+ names; at most 512/],
  ],
  ["pieces of properties", "identify", () => filled("1200"), ["invalid_argument", /^id: /]],
  ["items", "batchIdentify", () => filled("0a00"), ["invalid_argument", /^requests: has 2097\d+ items; at most 1000/]],
  [
    "items of one call",
    "identifyUsers",
    () => filled("0a00"),
    ["invalid_argument", /^requests: has 2097\d+ items; at most 1000/],
  ],
  ["ids", "batchGetUsers", () => filled("0a00"), ["invalid_argument", /^ids: has 2097\d+ ids; at most 1000/]],
  ["pieces of a match", "findUsers", () => filled("0a00"), ["invalid_argument", /^match.property: is required/]],
  [
    "pieces of what is sought",
    "countUsers",
    () => field(1, Buffer.concat([Buffer.from("0a0170", "hex"), filled("1200", size - 100)])),
    ["invalid_argument", /^match.equals: is no value that a property can have/],
  ],
  [
    "entries to filter by",
    "scanUsers",
    () => field(1, field(1, filled("0a00", size - 100))),
    ["invalid_argument", /^where.properties: has more values than fit into the 262144 bytes/],
  ],
  [
    "names of a batch",
    "batchIdentify",
    () => namesOfBatch(),
    ["invalid_argument", /^requests: hold \d+ names; at most 65536/],
  ],
  [
    "names of a batch in one call",
    "identifyUsers",
    () => namesOfBatch(),
    ["invalid_argument", /^requests: hold \d+ names; at most 65536/],
  ],
];

/** Each item has as many as it may. */
function namesOfBatch(): Buffer {
  const unset = Buffer.alloc(2 * limits.maxProperties, "2200", "hex");
  const item = Buffer.concat([Buffer.from("0a8008", "hex"), unset]);
  return Buffer.concat(Array.from({ length: 200 }, () => item));
}

async function expectRefused(answer: Promise<RawAnswer>, [outcome, message]: Refusal): Promise<void> {
  const seen = await answer;
  expect(seen.outcome).toBe(outcome);
  expect(seen.message).toMatch(message);
  const ok = await rawCall(session, {
    path: pathOf("identify"),
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify({ id: "honest", properties: ada })),
  });
  expect(ok.outcome).toBe("ok");
}

describe.each(jsonCases)("JSON of many %s", (_, method, text, refusal) => {
  const body = once(() => Buffer.from(text()));
  test.each([
    ["Connect, gzip", "connect", true],
    ["Connect", "connect", false],
    ["gRPC-Web, gzip", "grpc-web", true],
    ["gRPC", "grpc", false],
  ] as const)("is refused over %s", async (_name, protocol, isCompressed) => {
    const how = { protocol, encoding: "json", isCompressed } as const;
    const call = encodedCall(UserService.method[method], body(), how);
    await expectRefused(rawCall(session, call), refusal);
  });
});

describe.each(binaryCases)("many %s", (_, method, bytes, refusal) => {
  const body = once(bytes);
  test.each([
    ["gRPC", "grpc", false],
    ["gRPC, gzip", "grpc", true],
    ["gRPC-Web, gzip", "grpc-web", true],
    ["Connect, gzip", "connect", true],
  ] as const)("are refused over %s", async (_name, protocol, isCompressed) => {
    const how = { protocol, encoding: "binary", isCompressed } as const;
    const call = encodedCall(UserService.method[method], body(), how);
    await expectRefused(rawCall(session, call), refusal);
  });
});

test("an item that has too many names is refused alone", async () => {
  const body = `{"requests":[{"id":"many","unset":[${repeated('"a",', 4_000)}"a"]},{"id":"one","properties":{"name":"A","email":"b"}}]}`;
  const call = {
    path: pathOf("batchIdentify"),
    headers: { "content-type": "application/connect+json" },
    body: enveloped(Buffer.from(body)),
  };
  expect((await rawCall(session, call)).outcome).toBe("ok");
  const read = {
    path: pathOf("getUser"),
    headers: { "content-type": "application/json" },
    body: Buffer.from('{"id":"one"}'),
  };
  expect((await rawCall(session, read)).outcome).toBe("ok");
});

test("many small bodies of Brotli that stand for much are refused, and the server goes on", async () => {
  // The decoder has a window of 16 MiB.
  const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_QUALITY]: 1 };
  const body = enveloped(brotliCompressSync(Buffer.alloc(64 * 1024 * 1024), { params }), 1);
  const headers = { "content-type": "application/grpc", "grpc-encoding": "br" };
  const calls = [`/${Health.typeName}/Check`, pathOf("identify")].flatMap((path) =>
    Array.from({ length: 12 }, () => rawCall(session, { path, headers, body })),
  );
  for (const { outcome } of await Promise.all(calls)) expect(outcome).toBe("resource_exhausted");
});

describe.each([
  [Health.typeName, "Check"],
  [Health.typeName, "Watch"],
  [ServerReflection.typeName, "ServerReflectionInfo"],
  [ServerReflectionV1Alpha.typeName, "ServerReflectionInfo"],
])("/%s/%s", (service, method) => {
  const path = `/${service}/${method}`;
  const call = (body: Buffer, flags: number, type = "application/grpc") =>
    rawCall(session, {
      path,
      headers: { "content-type": type, "grpc-encoding": "gzip" },
      body: enveloped(body, flags),
    });
  /** Reflection's list_services; health has no such field. */
  const ask = method === "ServerReflectionInfo" ? Buffer.from("3a012a", "hex") : Buffer.alloc(0);
  const openTooLarge: Refusal = ["resource_exhausted", /larger than 4096 bytes/];

  test.each(["application/grpc", "application/grpc-web"])(
    "takes no message of more than 4 KiB over %s",
    async (type) => {
      // 4 KiB that stand for 4 MiB of an unknown field.
      await expectRefused(call(gzipSync(filled("7a00")), 1, type), openTooLarge);
      await expectRefused(call(filled("7a00", 4_098), 0, type), openTooLarge);
    },
  );

  test("reads past unknown fields within that", async () => {
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
    stream.on("error", () => {}).end(enveloped(Buffer.concat([ask, filled("7a00", 4_000)])));
    const [answer] = await nextOf(stream, "data");
    expect(answer.length).toBeGreaterThan(5);
    stream.destroy();
  });
});
