/** The same service through Connect-ES clients of all three protocols, on both stores. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { BatchReport, Outcome, PreferencesMode, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { describeEachStore } from "../support/each-store.ts";
import { failureOf } from "../support/rpc-errors.ts";
import { ada } from "../support/server.ts";

type HttpVersion = "1.1" | "2";

interface Protocol {
  readonly name: string;
  readonly httpVersion: HttpVersion;
  readonly transport: (baseUrl: string) => Transport;
}

const protocols: Protocol[] = [
  { name: "gRPC", httpVersion: "2", transport: (baseUrl) => createGrpcTransport({ baseUrl }) },
  {
    name: "gRPC, compressed",
    httpVersion: "2",
    transport: (baseUrl) => createGrpcTransport({ baseUrl, sendCompression: compressionGzip, compressMinBytes: 0 }),
  },
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

/** A value nested that deep: the innermost part is in as many objects and lists. */
function nested(depth: number): JsonValue {
  let value: JsonValue = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? { ["__proto__"]: value } : [value];
  return value;
}

const hostile: JsonObject = Object.fromEntries<JsonValue>([
  ["__proto__", { constructor: 1, ["__proto__"]: { toString: null } }],
  ["constructor", "c"],
  ["toString", null],
  ["hasOwnProperty", false],
  ["a.b", [1, [2], {}]],
  ["a[0].b", ""],
  ["é", "e\u0301"],
  ["e\u0301", "é"],
  ["emoji 👩‍👩‍👧", "👩‍👩‍👧"],
  ["\u202eשלום", "\u202eשלום"],
  ["n".repeat(128), 1e308],
  ["𝄞".repeat(32), -1e308],
  ["10", 2 ** 53],
  ["5e-324", 5e-324],
  ["empty list", []],
  ["empty object", {}],
  ["null", null],
  ["deep", nested(24)],
]);

/** The same value with the keys of every object in the opposite order. */
function reversed<Value extends JsonValue>(value: Value): Value {
  const reverse = (item: JsonValue): JsonValue => {
    if (typeof item !== "object" || item === null) return item;
    if (Array.isArray(item)) return item.map(reverse);
    const entries = Object.entries(item).map(([key, below]) => [key, reverse(below)] as const);
    return Object.fromEntries(entries.reverse());
  };
  return reverse(value) as Value;
}

describeEachStore({}, (server) => {
  describe.each(protocols)("through $name", ({ name, httpVersion, transport }) => {
    const client = () => createClient(UserService, transport(server().url));
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
      const expected = Object.entries({ ...ada, ...hostile }).sort();
      const properties = Object.fromEntries(expected);
      const entriesOf = (struct: JsonObject | undefined) => Object.entries(struct ?? {}).sort();
      const { user } = await client().identify({ id, properties: ada, setOnce: hostile });
      expect(user?.id).toBe(id);
      expect(entriesOf(user?.properties)).toEqual(expected);
      const { user: preferring } = await client().setPreferences({ id, preferences: hostile });
      expect(entriesOf(preferring?.preferences)).toEqual(Object.entries(hostile).sort());
      const read = await client().getUser({ id });
      expect(entriesOf(read.user?.properties)).toEqual(expected);
      const names = Object.keys(hostile);
      const selected = await client().getUser({ id, onlyProperties: names });
      expect(entriesOf(selected.user?.properties)).toEqual(Object.entries(hostile).sort());
      // The same data with the keys of every object in another order.
      const again = await client().identify({ id, properties: reversed(properties) });
      expect(again).toMatchObject({ outcome: Outcome.UNCHANGED, user: read.user });
      const unset = await client().identify({ id, unset: names });
      expect(unset.user?.properties).toEqual(ada);
    });

    test("-0 survives in binary and is 0 in JSON, and an integer beyond 2^53 is the nearest double", async () => {
      const id = idOf("numbers");
      await client().identify({ id, properties: { ...ada, zero: -0 } });
      const { user } = await client().getUser({ id });
      expect(Object.is(user?.properties?.["zero"], name.includes("JSON") ? 0 : -0)).toBe(true);
      await fetch(`${server().url}/rollcall.v1.UserService/Identify`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `{"id":${JSON.stringify(id)},"properties":{"n":9007199254740993}}`,
      });
      expect((await client().getUser({ id })).user?.properties).toMatchObject({ n: 9007199254740992 });
    });

    test("25 levels are refused by their path", async () => {
      const properties = { ...ada, deep: [nested(24)] };
      const seen = await failureOf(client().identify({ id: idOf("too deep"), properties }));
      expect(seen).toMatchObject({
        code: "InvalidArgument",
        reason: "LIMIT_EXCEEDED",
        metadata: { limit: "maxValueDepth", max: "24" },
        violations: [{ field: expect.stringMatching(/^properties\.deep\[0\]/), reason: "LIMIT_EXCEEDED" }],
      });
      expect(await failureOf(client().getUser({ id: idOf("too deep") }))).toMatchObject({ code: "NotFound" });
    });

    test("preferences are set, users listed, read together and deleted", async () => {
      const ids = [1, 2, 3].map((n) => idOf(`whole ${n}`));
      const users = client();
      for (const id of ids) await users.identify({ id, properties: ada });
      const [first = "", second = "", third = ""] = ids;
      await users.setPreferences({ id: first, preferences: { a: 1, b: { c: [] } } });
      const merged = await users.setPreferences({
        id: first,
        preferences: { a: null },
        mode: PreferencesMode.MERGE,
        precondition: { condition: { case: "exists", value: true } },
      });
      expect(merged.user?.preferences).toEqual({ a: null, b: { c: [] } });
      await users.deleteUser({ id: second });
      await users.deleteUser({ id: second, allowMissing: true });
      expect(await failureOf(users.deleteUser({ id: second }))).toMatchObject({ reason: "USER_NOT_FOUND" });
      const found = await users.batchGetUsers({ ids: [third, second, first, third], onlyProperties: ["name"] });
      expect(found.users.map(({ id, properties }) => [id, properties])).toEqual([
        [third, { name: "Ada" }],
        [first, { name: "Ada" }],
      ]);
      expect(found).toMatchObject({ missingIds: [second], unreadIds: [] });
      const listed: string[] = [];
      let pageToken = "";
      do {
        const page = await users.listUsers({ pageSize: 7, pageToken });
        for (const user of page.users) if (user.id === first) expect(user).toEqual(merged.user);
        listed.push(...page.users.map(({ id }) => id));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(listed.filter((id) => ids.includes(id)).sort()).toEqual([first, third].sort());
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
    const users = createClient(UserService, createGrpcTransport({ baseUrl: server().url }));
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
