/** Plain HTTP/1.1 with JSON, and requests that cannot be read. */
import { connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GetUserRequestSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { ada, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: ReturnType<typeof JSON.parse>;
}

async function post(method: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(`${server.url}/rollcall.v1.UserService/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : new Uint8Array(body),
  });
  const text = await answer.text();
  return { status: answer.status, text, json: text.startsWith("{") ? JSON.parse(text) : undefined };
}

const reasonOf = ({ json }: Answer) => json?.details?.[0]?.debug?.reason;

describe("JSON", () => {
  test("answers with the contract's names, and reads both spellings", async () => {
    const { status, json } = await post("Identify", JSON.stringify({ id: "json", properties: { ...ada, n: 1 } }));
    expect(status).toBe(200);
    expect(Object.keys(json.user).sort()).toEqual([
      "created_at",
      "etag",
      "id",
      "preferences",
      "properties",
      "updated_at",
    ]);
    expect(json).toMatchObject({ outcome: "OUTCOME_CREATED", user: { properties: { ...ada, n: 1 }, preferences: {} } });
    for (const spelling of ["only_properties", "onlyProperties"]) {
      const selected = await post("GetUser", JSON.stringify({ id: "json", [spelling]: ["n"] }));
      expect(selected.json.user.properties).toEqual({ n: 1 });
    }
  });

  test("is read from a GET, where the method has no side effects", async () => {
    const message = encodeURIComponent(JSON.stringify({ id: "json" }));
    const answer = await fetch(
      `${server.url}/rollcall.v1.UserService/GetUser?connect=v1&encoding=json&message=${message}`,
    );
    expect(await answer.json()).toMatchObject({ user: { id: "json" } });
    expect(
      (await fetch(`${server.url}/rollcall.v1.UserService/Identify?encoding=json&message=${message}`)).status,
    ).toBe(405);
  });

  test("keeps names that JavaScript treats specially", async () => {
    const properties = `{"name":"x","email":"y","__proto__":{"a":1},"constructor":null}`;
    const { text } = await post("Identify", `{"id":"proto","properties":${properties}}`);
    expect(text).toContain(`"__proto__":{"a":1}`);
    expect(text).toContain(`"constructor":null`);
  });

  test("-0 is 0, and an integer beyond 2^53 the nearest double", async () => {
    const { text } = await post(
      "Identify",
      `{"id":"n","properties":{"name":"x","email":"y","a":-0,"b":9007199254740993}}`,
    );
    expect(text).toContain(`"a":0`);
    expect(text).toContain(`"b":9007199254740992`);
  });

  test("is read when it is compressed", async () => {
    const body = gzipSync(JSON.stringify({ id: "gzip", properties: ada }));
    const { json } = await post("Identify", body, { "content-encoding": "gzip" });
    expect(json).toMatchObject({ outcome: "OUTCOME_CREATED" });
  });

  test.each([
    ["cut short", `{"id":"u1","properties":{"name":"secret`],
    ["no object", `"secret"`],
    ["a Struct that is text", `{"id":"u1","properties":"secret"}`],
    ["not UTF-8", Buffer.from([0xff, 0xfe])],
  ])("that is %s is refused, and not quoted", async (_name, body) => {
    const answer = await post("Identify", body);
    expect(answer).toMatchObject({ status: 400, json: { code: "invalid_argument" } });
    expect(reasonOf(answer)).toBe("MALFORMED_REQUEST");
    expect(answer.text).not.toContain("secret");
  });

  test.each([
    ["id", `{"id":"x","id":"u"}`, "MALFORMED_REQUEST"],
    ["properties", `{"id":"u","properties":{"a":1},"properties":{"b":2}}`, "MALFORMED_REQUEST"],
    ["validate_only", `{"id":"u","validate_only":true,"validateOnly":false}`, "MALFORMED_REQUEST"],
    ["precondition.exists", `{"id":"u","precondition":{"exists":true,"exists":false}}`, "MALFORMED_REQUEST"],
    ["properties.a", `{"id":"u","properties":{"a":1,"b":2,"a":3}}`, "INVALID_PROPERTY"],
    ["properties.l[1].a", `{"id":"u","properties":{"l":[{"a":1},{"a":1,"\\u0061":2}]}}`, "INVALID_PROPERTY"],
  ])("in which %s is repeated is refused by its path", async (field, body, reason) => {
    const { json } = await post("Identify", body);
    expect(json).toMatchObject({
      code: "invalid_argument",
      details: [{ debug: { reason } }, { debug: { field_violations: [{ field, description: "is repeated" }] } }],
    });
  });

  test.each([
    ["a value", `{"id":"u","properties":{"a":"\xff"}}`, "not UTF-8"],
    ["an end", `{"id":"u","properties":{"a":1}`, "not JSON at byte 30"],
    ["a comma", `{"id":"u",}`, "not JSON at byte 10"],
  ])("that cannot be read at %s is refused, and the place named", async (_, body, where) => {
    const { json } = await post("Identify", Buffer.from(body, "latin1"));
    expect(json.message).toBe(`a rollcall.v1.IdentifyRequest cannot be read: ${where}`);
  });

  test("that is nested a thousand deep is refused by path, and not quoted", async () => {
    const body = `{"id":"u1","properties":{"d":${"[".repeat(1_000)}"secret"${"]".repeat(1_000)}}}`;
    const { json, text } = await post("Identify", body);
    expect(json).toMatchObject({
      code: "invalid_argument",
      details: [
        { debug: { reason: "LIMIT_EXCEEDED", metadata: { limit: "maxValueDepth" } } },
        { debug: { field_violations: [{ field: `properties.d${"[0]".repeat(24)}` }] } },
      ],
    });
    expect(text).not.toContain("secret");
  });

  test.each([
    ["id", `{"id":5}`],
    ["unset[0]", `{"id":"u","unset":[1]}`],
    ["validate_only", `{"id":"u","validate_only":"yes"}`],
    ["observed_at", `{"id":"u","observed_at":"secret"}`],
    ["precondition", `{"id":"u","precondition":{"exists":true,"etag":"secret"}}`],
  ])("of another type in %s is refused by name", async (field, body) => {
    const { json } = await post("Identify", body);
    expect(json).toMatchObject({
      code: "invalid_argument",
      details: [{}, { debug: { field_violations: [{ field }] } }],
    });
  });

  test.each([
    ["Identify", "traits", `{"id":"u","traits":{"name":"secret"}}`],
    ["Identify", '["x y"]', `{"id":"u","precondition":{"x y":"secret"}}`],
    ["GetUser", "properties", `{"id":"u","properties":"secret"}`],
    ["GetUser", '["x y"]', `{"id":"u","x y":"secret"}`],
  ])("with a field that %s does not have is refused, and the field named: %s", async (method, field, body) => {
    const { json, text } = await post(method, body);
    const violation = { field, reason: "MALFORMED_REQUEST", description: expect.stringContaining("is no field of") };
    expect(json).toMatchObject({
      code: "invalid_argument",
      details: [{ debug: { reason: "MALFORMED_REQUEST" } }, { debug: { field_violations: [violation] } }],
    });
    expect(text).not.toContain("secret");
  });

  test.each([`"MERGE"`, `"PREFERENCES_MODE_APPEND"`, "7", "-1"])(
    "with the unknown enum value %s is refused, and changes nothing",
    async (mode) => {
      await post("Identify", JSON.stringify({ id: "mode", properties: ada }));
      await post("SetPreferences", `{"id":"mode","preferences":{"a":1}}`);
      const { json } = await post("SetPreferences", `{"id":"mode","preferences":{"b":2},"mode":${mode}}`);
      expect(json).toMatchObject({
        code: "invalid_argument",
        details: [
          { debug: { reason: "INVALID_ENUM_VALUE" } },
          { debug: { field_violations: [{ field: "mode", reason: "INVALID_ENUM_VALUE" }] } },
        ],
      });
      expect((await post("GetUser", `{"id":"mode"}`)).json.user.preferences).toEqual({ a: 1 });
    },
  );

  test.each([
    ["properties.name", String.raw`{"id":"u","properties":{"name":"\ud800","email":"x"}}`, "INVALID_PROPERTY"],
    ["properties.a[1].b", String.raw`{"id":"u","properties":{"a":[1,{"b":"\udc00"}]}}`, "INVALID_PROPERTY"],
    ["id", String.raw`{"id":"\ud800"}`, "MALFORMED_REQUEST"],
  ])("with half a surrogate pair in %s is refused", async (field, body, reason) => {
    const { json } = await post("Identify", body);
    expect(json).toMatchObject({
      code: "invalid_argument",
      details: [{ debug: { reason } }, { debug: { field_violations: [{ field, reason }] } }],
    });
  });

  test("numbers that no double holds are refused by path", async () => {
    const { json } = await post("Identify", `{"id":"u","properties":{"name":"x","email":"y","n":[1e999]}}`);
    expect(json.details[1].debug.field_violations).toMatchObject([
      { field: "properties.n[0]", reason: "INVALID_PROPERTY" },
    ]);
  });
});

describe("requests that are no calls", () => {
  test("an unknown method is UNIMPLEMENTED, as JSON says it", async () => {
    const answer = await post("Nothing", "{}");
    expect(answer).toMatchObject({ status: 404, json: { code: "unimplemented" } });
    expect(reasonOf(answer)).toBe("NOT_IMPLEMENTED");
    expect((await fetch(server.url)).status).toBe(404);
  });

  test.each(["grpc-timeout", "connect-timeout-ms"])(
    "a %s of years is no timeout, and none at all is over",
    async (name) => {
      const call = (value: string) => {
        const grpcType = { "content-type": "application/grpc" };
        const body = frame(toBinary(GetUserRequestSchema, create(GetUserRequestSchema, { id: "nobody" })));
        if (name === "grpc-timeout")
          return grpc("/rollcall.v1.UserService/GetUser", body, { ...grpcType, [name]: value });
        return post("GetUser", `{"id":"nobody"}`, { [name]: value });
      };
      const isGrpc = name === "grpc-timeout";
      const notFound = isGrpc ? { "grpc-status": "5" } : { json: { code: "not_found" } };
      expect(await call(isGrpc ? "99999999H" : "9999999999")).toMatchObject(notFound);
      const over = isGrpc ? { "grpc-status": "4" } : { json: { code: "deadline_exceeded" } };
      expect(await call(isGrpc ? "0n" : "0")).toMatchObject(over);
    },
  );

  test("a timeout that is none is refused by its header's name", async () => {
    const named = (name: string) => expect.stringMatching(new RegExp(`^the header ${name} cannot be read: `));
    for (const way of [{}, { "grpc-encoding": "gzip" }]) {
      const trailers = await grpc("/rollcall.v1.UserService/GetUser", frame(new Uint8Array()), {
        ...way,
        "grpc-timeout": "soon",
      });
      expect(trailers).toMatchObject({ "grpc-status": "3", "grpc-message": named("grpc-timeout") });
    }
    const answer = await post("GetUser", "{}", { "connect-timeout-ms": "-1" });
    expect(answer.json).toMatchObject({ code: "invalid_argument", message: named("connect-timeout-ms") });
    expect(reasonOf(answer)).toBe("MALFORMED_REQUEST");
  });

  test("an unknown content type is refused", async () => {
    expect((await post("GetUser", "id=u1", { "content-type": "application/x-www-form-urlencoded" })).status).toBe(415);
  });

  test("a body over 4 MiB is RESOURCE_EXHAUSTED, compressed or not", async () => {
    const body = JSON.stringify({ id: "u", properties: { ...ada, t: "x".repeat(5 * 1024 * 1024) } });
    for (const answer of [
      await post("Identify", body),
      await post("Identify", gzipSync(body), { "content-encoding": "gzip" }),
    ]) {
      expect(answer.json).toMatchObject({ code: "resource_exhausted" });
      expect(reasonOf(answer)).toBe("LIMIT_EXCEEDED");
    }
  });
});

describe("protobuf that cannot be read is INVALID_ARGUMENT", () => {
  const malformed = Uint8Array.of(0x0a, 0xff);

  test("through Connect", async () => {
    const answer = await post("Identify", malformed, { "content-type": "application/proto" });
    expect(answer).toMatchObject({ status: 400, json: { code: "invalid_argument" } });
    expect(reasonOf(answer)).toBe("MALFORMED_REQUEST");
  });

  test.each(["Identify", "GetUser", "BatchIdentify"])("through gRPC's %s", async (method) => {
    const trailers = await grpc(`/rollcall.v1.UserService/${method}`, frame(malformed));
    expect(trailers["grpc-status"]).toBe("3");
    expect(Buffer.from(String(trailers["grpc-status-details-bin"]), "base64").toString("latin1")).toContain(
      "MALFORMED_REQUEST",
    );
  });

  test.each(["gzip", "br"])("where %s cannot be undone", async (encoding) => {
    for (const body of [Uint8Array.of(0x1f, 0x8b, 8, 0), new Uint8Array(), Uint8Array.of(1, 2, 3)]) {
      const answer = await post("GetUser", body, { "content-type": "application/proto", "content-encoding": encoding });
      expect(answer).toMatchObject({ status: 400, json: { code: "invalid_argument" } });
    }
  });

  test("also where the message is cut short", async () => {
    const trailers = await grpc("/rollcall.v1.UserService/GetUser", frame(Uint8Array.of(1, 2, 3)).subarray(0, 6));
    expect(trailers["grpc-status"]).toBe("3");
  });

  test("and an unknown method is UNIMPLEMENTED, as gRPC says it", async () => {
    const trailers = await grpc("/rollcall.v1.UserService/Nothing", frame(new Uint8Array()));
    expect(trailers["grpc-status"]).toBe("12");
    expect(Buffer.from(String(trailers["grpc-status-details-bin"]), "base64").toString("latin1")).toContain(
      "NOT_IMPLEMENTED",
    );
  });
});

/** A gRPC message on the wire: not compressed, its length, its bytes. */
function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The trailers of a gRPC call, wherever they come. */
async function grpc(path: string, body: Uint8Array, headers: object = {}): Promise<Record<string, unknown>> {
  const session = connect(server.url);
  try {
    return await new Promise((resolve, reject) => {
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        ...headers,
      });
      let seen: Record<string, unknown> = {};
      stream.on("response", (headers) => {
        seen = { ...seen, ...headers };
      });
      stream.on("trailers", (headers) => {
        seen = { ...seen, ...headers };
      });
      stream.on("error", reject);
      stream.on("close", () => resolve(seen));
      stream.resume();
      stream.end(body);
    });
  } finally {
    session.close();
  }
}
