/** Requests with values that protobuf-es would change. */
import { runInNewContext } from "node:vm";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { createRollcallClient, importUsers, type RollcallClient, rollcallErrorOf } from "../../src/client/index.ts";
import { foreignServer, page } from "../support/foreign-server.ts";
import { servers } from "../support/import-items.ts";
import { ada } from "../support/server.ts";

type Call = (client: RollcallClient) => Promise<unknown>;
type Request = Parameters<RollcallClient["identify"]>[0];

/** The error that refuses a call; fails if any of the call is sent. */
async function refused(call: Call) {
  const { url, calls } = await foreignServer(page(502));
  const client = createRollcallClient({ server: url });
  const error = await call(client).then(() => expect.fail("it succeeded"), rollcallErrorOf);
  expect(calls()).toBe(0);
  expect(error.code).toBe(Code.InvalidArgument);
  expect(error.reason).toBe(error.violations[0]?.reason);
  return error;
}

/** The path of each invalid part, and why. */
async function violations(call: Call): Promise<(readonly [string, string])[]> {
  return (await refused(call)).violations.map(({ field, description }) => [field, description]);
}

const identify = (request: object) => violations((client) => client.identify({ id: "u", ...request } as Request));

async function readAll(answers: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of answers);
}

class Point {
  readonly x = 1;
}
/** Values that are not JSON, and what the refusal says to send instead. */
const notJson: readonly (readonly [string, unknown, RegExp])[] = [
  ["Date", new Date(0), /is a Date, not a JSON value: send its toISOString\(\)$/],
  ["Date of another realm", runInNewContext("new Date(0)"), /is a Date, not a JSON value: send its toISOString\(\)$/],
  ["Map", new Map([["a", 1]]), /is a Map, not a JSON value: send Object\.fromEntries\(\)/],
  ["Set", new Set([1]), /is a Set, not a JSON value: send an array/],
  ["instance of a class", new Point(), /is an instance of a class, not a JSON value: send text/],
  ["Buffer", Buffer.from("ab"), /is a Uint8Array, not a JSON value: send text/],
  ["typed array", new Float64Array(2), /is a Float64Array, not a JSON value: send text/],
  ["ArrayBuffer", new ArrayBuffer(2), /is an ArrayBuffer, not a JSON value: send text/],
  ["text object", new String("x"), /is a String, not a JSON value: send text/],
  ["Promise", Promise.resolve(1), /is a Promise, not a JSON value: send text/],
  ["function", () => 1, /is a function, not a JSON value: send text/],
  ["symbol", Symbol("s"), /is a symbol, not a JSON value: send text/],
  ["bigint", 1n, /is a bigint, not a JSON value: send a number or text$/],
  ["undefined", undefined, /is undefined, not a JSON value: leave it out, or send null$/],
  ["NaN", Number.NaN, /is not a finite number/],
  ["Infinity", Number.POSITIVE_INFINITY, /is not a finite number/],
  ["half a surrogate pair", "\ud800", /is not valid Unicode/],
];

describe("is refused before it is sent, with the path of each part:", () => {
  test.for(notJson)("%s", async ([, value, why]) => {
    expect(await identify({ properties: { seen: value, fine: 1 } })).toEqual([
      ["properties.seen", expect.stringMatching(why)],
    ]);
  });

  test("a value in properties, set_once and preferences, also nested", async () => {
    const date = new Date(0);
    const properties = { list: [1, [date]], object: { "a b": date } };
    const paths = await identify({ properties, setOnce: { since: date } });
    expect(paths.map(([path]) => path)).toEqual([
      "properties.list[1][0]",
      'properties.object["a b"]',
      "set_once.since",
    ]);
    const preferences = { at: date } as object as Record<string, string>;
    const set = await violations((client) => client.setPreferences({ id: "u", preferences }));
    expect(set.map(([path]) => path)).toEqual(["preferences.at"]);
  });

  test("a hole in a list", async () => {
    const list = [1];
    list[2] = 3;
    expect(await identify({ properties: { list } })).toEqual([["properties.list[1]", expect.any(String)]]);
  });

  test("an object that contains itself", async () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = [cyclic];
    const error = await refused((client) => client.identify({ id: "u", properties: cyclic } as object as Request));
    expect(error).toMatchObject({ reason: "LIMIT_EXCEEDED", reasonMetadata: { limit: "maxValueDepth", max: "24" } });
  });

  test.for([new Map(), [1], "text", null, new Date(0)])("properties that are not an object", async (properties) => {
    expect(await identify({ properties })).toEqual([["properties", "is not a JSON object"]]);
  });

  test("text that is not a string, names that are not a list, and a Date for a Timestamp", async () => {
    const request = {
      id: "\ud800",
      unset: ["fine", "\udfff", 7],
      precondition: { condition: { case: "etag", value: "\ud800" } },
      observedAt: new Date(0),
    };
    expect(await identify(request)).toEqual([
      ["id", "is not valid Unicode"],
      ["unset[1]", "is not valid Unicode"],
      ["unset[2]", "is not text"],
      ["precondition.etag", "is not valid Unicode"],
      ["observed_at", expect.stringMatching(/is not a Timestamp: send timestampFromDate\(\)/)],
    ]);
    expect(await identify({ unset: "abc" })).toEqual([["unset", "is not an array"]]);
    expect(await violations((client) => client.deleteUser({ id: "\ud800" }))).toEqual([["id", "is not valid Unicode"]]);
    expect(await violations((client) => client.batchGetUsers({ ids: ["a", "\ud800"] }))).toHaveLength(1);
  });

  test.for<readonly [string, unknown]>([
    ["a Map", new Map([["id", "u"]])],
    ["a Set", new Set(["u"])],
    ["a Date", new Date(0)],
    ["a Promise", Promise.resolve({ id: "u" })],
    ["an instance of a class", new Point()],
    ["a list", [{ id: "u" }]],
    ["text", "u"],
  ])("%s in place of a message", async ([, value]) => {
    const whole = await violations((client) => client.identify(value as Request));
    expect(whole).toEqual([["request", "is not an IdentifyRequest"]]);
    expect(await identify({ precondition: value })).toEqual([["precondition", "is not a Precondition"]]);
    const [time, ...rest] = await identify({ observedAt: value });
    expect([time?.[0], rest]).toEqual(["observed_at", []]);
    expect(time?.[1]).toMatch(/^is not a Timestamp(: send timestampFromDate\(\) of the Date, .*)?$/);
    expect(time?.[1].includes("timestampFromDate")).toBe(value instanceof Date);
    for (const item of [value, undefined, null]) {
      async function* messages() {
        yield { requests: [{ id: "u" }, item] } as object;
      }
      const items = await violations((client) => readAll(client.batchIdentify(messages())));
      expect(items).toEqual([["requests[1]", "is not an IdentifyRequest"]]);
    }
  });

  test("at most 20 items are named", async () => {
    async function* messages() {
      yield { requests: Array.from({ length: 30 }, () => new Map()) } as object;
    }
    expect(await violations((client) => readAll(client.batchIdentify(messages())))).toHaveLength(20);
  });

  test("names that every object has", async () => {
    expect(await identify({ constructor: 1, toString: 2 })).toEqual([
      ["constructor", "is no field of rollcall.v1.IdentifyRequest"],
      ["toString", "is no field of rollcall.v1.IdentifyRequest"],
    ]);
  });

  test("values that are not a boolean, number or enum value", async () => {
    expect(await identify({ validateOnly: "no" })).toEqual([["validate_only", "is not true or false"]]);
    const precondition = { condition: { case: "exists", value: "yes" } };
    expect(await identify({ precondition })).toEqual([["precondition.exists", "is not true or false"]]);
    const page = { pageSize: Number.NaN } as object;
    expect(await violations((client) => client.listUsers(page))).toEqual([["page_size", "is not a whole number"]]);
    const mode = { id: "u", mode: "MERGE" } as object;
    expect(await violations((client) => client.setPreferences(mode))).toEqual([
      ["mode", "is not a PreferencesMode: send a value of that enum"],
    ]);
  });

  test("what to find and to scan for", async () => {
    const find = (match: unknown) => violations((client) => client.findUsers({ match } as object));
    const text = { case: "equals", value: { kind: { case: "stringValue", value: "\ud800" } } };
    expect(await find({ property: 7, condition: text })).toEqual([
      ["match.property", "is not text"],
      ["match.equals.string_value", "is not valid Unicode"],
    ]);
    expect(await find({ property: "email", condition: { case: "equals", value: "ada@example.com" } })).toEqual([
      ["match.equals", "is not a Value: send fromJson(ValueSchema, …), from @bufbuild/protobuf, or call findUsers()"],
    ]);
    expect(await find({ property: "email", equals: "ada@example.com" })).toEqual([
      ["match.equals", "is no field of rollcall.v1.Match: it is equals in TypeScript"],
    ]);
    const where = { properties: { at: new Date(0) }, updatedAfter: new Date(0) };
    const [value, time] = await violations((client) => client.scanUsers({ where } as object));
    expect([value?.[0], time?.[0]]).toEqual(["where.properties.at", "where.updated_after"]);
  });

  test("an unknown field, and a field by its name in the contract", async () => {
    expect(await identify({ propertes: {}, set_once: {} })).toEqual([
      ["propertes", "is no field of rollcall.v1.IdentifyRequest"],
      ["set_once", "is no field of rollcall.v1.IdentifyRequest: it is setOnce in TypeScript"],
    ]);
  });

  test("at most 20 parts are named", async () => {
    expect(await identify({ properties: { list: Array.from({ length: 30 }, () => 1n) } })).toHaveLength(20);
  });
});

test("a stream is refused with the path of the item, after the message before it has been stored", async () => {
  const [, client] = await servers();
  async function* messages() {
    yield { requests: [{ id: "before", properties: ada }] };
    await read;
    yield {
      requests: [
        { id: "same message", properties: ada },
        { id: "u", properties: { at: new Date(0) } },
      ],
    };
  }
  const { promise: read, resolve } = Promise.withResolvers<void>();
  const answers = client.batchIdentify(messages() as AsyncIterable<object>)[Symbol.asyncIterator]();
  expect((await answers.next()).value).toMatchObject({ created: 1 });
  resolve();
  const error = await answers.next().then(() => expect.fail("it succeeded"), rollcallErrorOf);
  expect(error).toMatchObject({
    code: Code.InvalidArgument,
    reason: "INVALID_PROPERTY",
    violations: [{ field: "requests[1].properties.at" }],
  });
  const { users } = await client.batchGetUsers({ ids: ["before", "same message", "u"] });
  expect(users.map(({ id }) => id)).toEqual(["before"]);
});

test("the source of a stream that ends early is returned at once, even while it has no message", async () => {
  const [, client] = await servers();
  let ended = false;
  const source: AsyncIterable<object> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        ended = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const stop = new AbortController();
  const answers = client.batchIdentify(source, { signal: stop.signal })[Symbol.asyncIterator]();
  const next = answers.next().catch(rollcallErrorOf);
  stop.abort();
  expect(await next).toMatchObject({ code: Code.Canceled });
  expect(ended).toBe(true);
});

test("JSON is stored unchanged, whatever made its objects", async () => {
  const [, client] = await servers();
  const bare = Object.assign(Object.create(null), { a: Object.create(null) });
  const foreign = runInNewContext('({ list: [1, { b: "x" }], none: null, yes: true })');
  const shared = { deep: [[[]]] };
  const properties = { ...ada, bare, foreign, twice: [shared, shared], zero: 0, empty: "" };
  await client.identify({ id: "u", properties, setOnce: bare });
  await client.setPreferences({ id: "u", preferences: foreign });
  const { user } = await client.getUser({ id: "u" });
  expect(JSON.parse(JSON.stringify(user?.properties))).toEqual({ ...JSON.parse(JSON.stringify(properties)), a: {} });
  expect(JSON.stringify(user?.preferences)).toBe(JSON.stringify({ list: [1, { b: "x" }], none: null, yes: true }));
});

test("an import refuses such an item with the same message, and goes on", async () => {
  const [, client] = await servers();
  const messages: string[] = [];
  const properties = { ...ada, seen: new Date(0) };
  const counts = await importUsers(
    client,
    [
      { id: "a", properties: properties as object as typeof ada },
      { id: "b", properties: ada },
    ],
    {
      onRefused: (_, { message }) => messages.push(message),
    },
  );
  expect(counts).toMatchObject({ created: 1, failed: 1 });
  const error = await client.identify({ id: "a", properties } as object as Request).catch(rollcallErrorOf);
  expect(messages).toEqual([rollcallErrorOf(error).rawMessage]);
});
