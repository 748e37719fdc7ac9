/** The same service through Connect-ES clients of all three protocols, on both stores. */
import type { JsonObject } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BatchReport, Outcome, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { failureOf } from "../support/rpc-errors.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";

type HttpVersion = "1.1" | "2";

interface Protocol {
  readonly name: string;
  readonly httpVersion: HttpVersion;
  readonly transport: (baseUrl: string) => Transport;
}

const protocols: Protocol[] = [
  { name: "gRPC", httpVersion: "2", transport: (baseUrl) => createGrpcTransport({ baseUrl }) },
  ...(["1.1", "2"] as const).flatMap((httpVersion): Protocol[] => [
    {
      name: `gRPC-Web, HTTP/${httpVersion}`,
      httpVersion,
      transport: (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion }),
    },
    ...[true, false].flatMap((useBinaryFormat): Protocol[] =>
      [true, false].map((compress) => ({
        name: `Connect ${useBinaryFormat ? "binary" : "JSON"}, HTTP/${httpVersion}${compress ? ", compressed" : ""}`,
        httpVersion,
        transport: (baseUrl) =>
          createConnectTransport({
            baseUrl,
            httpVersion,
            useBinaryFormat,
            ...(compress ? { compressMinBytes: 0 } : { acceptCompression: [] }),
          }),
      })),
    ),
  ]),
];

const hostile: JsonObject = Object.fromEntries([
  ["__proto__", { constructor: 1 }],
  ["constructor", "c"],
  ["toString", null],
  ["a.b", [1, [2], {}]],
  ["é", "e\u0301"],
  ["emoji 👩‍👩‍👧", "שלום"],
  ["n".repeat(128), 1e308],
  ["10", 2 ** 53],
  ["empty", ""],
]);

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe.each(["SQLite", "Redis"])("over %s", (store) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer(store === "Redis" ? { store: { kind: "redis", url: redis.url } } : {});
  });
  afterAll(() => server.stop());

  describe.each(protocols)("through $name", ({ name, httpVersion, transport }) => {
    const client = () => createClient(UserService, transport(server.url));
    const idOf = (id: string) => `${name} ${id}`;

    test("a user is created, changed, left unchanged, and read", async () => {
      const id = idOf("life");
      const users = client();
      const created = await users.identify({ id, properties: { ...ada, n: 1, nested: { b: 1, a: [null] } } });
      expect(created.outcome).toBe(Outcome.CREATED);
      expect(created.user?.properties).toEqual({ ...ada, n: 1, nested: { b: 1, a: [null] } });
      expect(created.user?.preferences).toEqual({});
      const updated = await users.identify({ id, properties: { n: 2, flag: true } });
      expect(updated.outcome).toBe(Outcome.UPDATED);
      expect(updated.user?.etag).not.toBe(created.user?.etag);
      const unchanged = await users.identify({ id, properties: { nested: { a: [null], b: 1 }, n: 2 } });
      expect(unchanged.outcome).toBe(Outcome.UNCHANGED);
      expect(unchanged.user).toEqual(updated.user);
      const { user } = await users.getUser({ id });
      expect(user).toEqual(updated.user);
      expect(user?.properties).toEqual({ ...ada, n: 2, flag: true, nested: { b: 1, a: [null] } });
      expect(Math.abs(Number(user?.createdAt?.seconds) * 1_000 - Date.now())).toBeLessThan(60_000);
    });

    test("hostile names and values come back as they were sent", async () => {
      const id = idOf("hostile é 𝄞");
      const { user } = await client().identify({ id, properties: { ...ada, ...hostile, ["__proto__"]: 1 } });
      expect(user?.id).toBe(id);
      const expected = { ...ada, ...hostile, ["__proto__"]: 1 };
      expect(Object.entries(user?.properties ?? {}).sort()).toEqual(Object.entries(expected).sort());
    });

    test("GetUser returns only the properties asked for", async () => {
      const id = idOf("only");
      await client().identify({ id, properties: { ...ada, a: 1, b: 2 } });
      const { user } = await client().getUser({ id, onlyProperties: ["b", "missing", "name"] });
      expect(user?.properties).toEqual({ b: 2, name: "Ada" });
      const none = await client().getUser({ id, onlyProperties: ["missing"] });
      expect(none.user?.properties).toEqual({});
      expect(none.user?.preferences).toEqual({});
    });

    test("errors carry code, reason and violations", async () => {
      expect(await failureOf(client().getUser({ id: idOf("nobody") }))).toMatchObject({
        code: "NotFound",
        reason: "USER_NOT_FOUND",
        domain: "rollcall.v1",
        retry: false,
      });
      const properties = { name: "", "a.b": { list: [null, "x".repeat(70_000)] } };
      expect(await failureOf(client().identify({ id: "", properties }))).toMatchObject({
        code: "InvalidArgument",
        reason: "INVALID_ID",
        violations: [
          { field: "id", reason: "INVALID_ID" },
          { field: 'properties["a.b"]', reason: "LIMIT_EXCEEDED" },
        ],
      });
    });

    if (httpVersion === "1.1") {
      test("BatchIdentify is refused: it needs HTTP/2", async () => {
        async function* requests() {
          yield { requests: [] };
        }
        const answers = client().batchIdentify(requests())[Symbol.asyncIterator]();
        expect(await failureOf(answers.next())).toMatchObject({ message: expect.stringMatching(/505|HTTP\/?2/) });
      });
      return;
    }

    test("BatchIdentify answers each message in order, and lists failures", async () => {
      const id = (n: number) => idOf(`batch ${n}`);
      async function* requests() {
        yield { requests: [0, 1, 2].map((n) => ({ id: id(n), properties: { ...ada, n } })) };
        yield { requests: [] };
        yield {
          requests: [
            { id: id(0), properties: { n: 0 } },
            { id: id(3), properties: { name: "no address" } },
            { id: id(1), properties: { n: 10 } },
            { id: id(1), properties: { n: 11 } },
            { id: "", properties: {} },
          ],
          report: BatchReport.ALL,
        };
      }
      const answers = [];
      for await (const answer of client().batchIdentify(requests())) answers.push(answer);
      expect(answers).toMatchObject([
        { sequence: 0, created: 3, updated: 0, unchanged: 0, failed: 0, results: [] },
        { sequence: 1, created: 0, updated: 0, unchanged: 0, failed: 0, results: [] },
        { sequence: 2, created: 0, updated: 2, unchanged: 1, failed: 2 },
      ]);
      expect(answers[2]?.results).toMatchObject([
        { index: 0, id: id(0), outcome: Outcome.UNCHANGED },
        {
          index: 1,
          id: id(3),
          outcome: Outcome.UNSPECIFIED,
          error: {
            code: 3,
            reason: "REQUIRED_PROPERTY_MISSING",
            violations: [{ field: "properties.email", reason: "REQUIRED_PROPERTY_MISSING" }],
          },
        },
        { index: 2, outcome: Outcome.UPDATED },
        { index: 3, outcome: Outcome.UPDATED },
        { index: 4, id: "", error: { code: 3, reason: "INVALID_ID" } },
      ]);
      expect((await client().getUser({ id: id(1) })).user?.properties).toMatchObject({ n: 11 });
    });
  });

  test("50 callers that each set another property of one user leave all 50", async () => {
    const users = createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
    await users.identify({ id: "fifty", properties: ada });
    await Promise.all(
      Array.from({ length: 50 }, (_, n) => users.identify({ id: "fifty", properties: { [`p${n}`]: n } })),
    );
    const { user } = await users.getUser({ id: "fifty" });
    expect(user?.properties).toEqual({
      ...ada,
      ...Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`p${n}`, n])),
    });
  });
});
