/** Calls that follow on one another, as every client makes them. */
import { fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { BatchReport, Outcome, GetRegistryResponse_Index_State as State } from "#gen/rollcall/v1/user_service_pb.js";
import { version } from "../../../src/config/version.ts";
import { ada } from "../../support/server.ts";
import { nested, type Users } from "./calls.ts";
import { type By, everyClient, streams } from "./carriers.ts";

interface Talk {
  readonly users: Users;
  /** An id that only this conversation has. */
  readonly id: (name?: string | number) => string;
  readonly baseUrl: string;
  readonly isJson: boolean;
}

export interface Conversation {
  readonly name: string;
  readonly by?: By;
  readonly hold: (talk: Talk) => Promise<void>;
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
function reversed(value: JsonObject): JsonObject {
  const reverse = (item: JsonValue): JsonValue => {
    if (typeof item !== "object" || item === null) return item;
    return Array.isArray(item) ? item.map(reverse) : reversed(item);
  };
  const entries = Object.entries(value).map(([key, below]) => [key, reverse(below)] as const);
  return Object.fromEntries(entries.reverse());
}

const text = (value: string) => fromJson(ValueSchema, value);

async function all<Message>(messages: AsyncIterable<Message>): Promise<Message[]> {
  const list: Message[] = [];
  for await (const message of messages) list.push(message);
  return list;
}

export const conversations: readonly Conversation[] = [
  {
    name: "a user is identified and read back",
    by: everyClient,
    async hold({ users, id }) {
      const properties = { ...ada, nested: { list: [1, null, true] } };
      const { outcome, user } = await users.identify({ id: id(), properties });
      expect(outcome).toBe(Outcome.CREATED);
      expect(user).toMatchObject({ id: id(), properties, preferences: {} });
      expect((await users.getUser({ id: id() })).user).toEqual(user);
      expect(Math.abs(Number(user?.createdAt?.seconds) * 1_000 - Date.now())).toBeLessThan(60_000);
    },
  },
  {
    name: "a user is found as soon as it is there, counted, and found no more once it has changed",
    by: everyClient,
    async hold({ users, id }) {
      const plan = `${id()} PLAN`;
      const match = { property: "plan", condition: { case: "equals" as const, value: text(plan) } };
      const found = async () => (await users.findUsers({ match })).users.map((user) => user.id);
      const names = ["b", "a", "c"].map((name) => id(name));
      for (const name of names) await users.identify({ id: name, properties: { ...ada, plan } });
      expect(await found()).toEqual(names.toSorted());
      expect((await users.countUsers({ match })).count).toBe(3n);
      await users.identify({ id: id("a"), unset: ["plan"] });
      await users.identify({ id: id("b"), properties: { plan: plan.toLowerCase() } });
      expect(await found()).toEqual([id("c")]);
      await users.deleteUser({ id: id("c") });
      expect([await found(), (await users.countUsers({ match })).count]).toEqual([[], 0n]);
    },
  },
  {
    name: "hostile values are found as they were sent",
    async hold({ users, id }) {
      const values = [
        "\0",
        "a\0b",
        "\u0001",
        "é",
        "e\u0301",
        "𝄞",
        "\u202eשלום",
        "true",
        "1",
        true,
        false,
        1,
        -1,
        1e308,
        5e-324,
        2 ** 53,
      ];
      for (const [at, value] of values.entries()) {
        const plan = typeof value === "string" ? `${id()} ${value}` : value;
        await users.identify({ id: id(at), properties: { ...ada, plan } });
        const condition = { case: "equals" as const, value: fromJson(ValueSchema, plan) };
        const found = await users.findUsers({
          match: { property: "plan", condition },
          pageSize: 1_000,
          onlyProperties: ["plan"],
        });
        const ours = found.users.filter((user) => user.id.startsWith(id()));
        expect(ours.map((user) => [user.id, user.properties])).toEqual([[id(at), { plan }]]);
      }
      const condition = { case: "startsWith" as const, value: `${id()} ` };
      const { users: texts } = await users.findUsers({ match: { property: "plan", condition } });
      const plans = texts.map(({ properties }) => String(properties?.["plan"]));
      expect(plans).toHaveLength(values.filter((value) => typeof value === "string").length);
      expect(plans).toEqual(plans.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
      // A later run on the same store has the same numbers and bools.
      for (const at of values.keys()) await users.deleteUser({ id: id(at) });
    },
  },
  {
    name: "hostile names and values come back as they were sent",
    async hold({ users, id: idOf }) {
      const id = idOf("é 𝄞");
      const expected = Object.entries({ ...ada, ...hostile }).sort();
      const entriesOf = (struct: JsonObject | undefined) => Object.entries(struct ?? {}).sort();
      const { user } = await users.identify({ id, properties: ada, setOnce: hostile });
      expect(user?.id).toBe(id);
      expect(entriesOf(user?.properties)).toEqual(expected);
      const { user: preferring } = await users.setPreferences({ id, preferences: hostile });
      expect(entriesOf(preferring?.preferences)).toEqual(entriesOf(hostile));
      const read = await users.getUser({ id });
      expect(entriesOf(read.user?.properties)).toEqual(expected);
      const names = Object.keys(hostile);
      const selected = await users.getUser({ id, onlyProperties: names });
      expect(entriesOf(selected.user?.properties)).toEqual(entriesOf(hostile));
      const again = await users.identify({ id, properties: reversed(Object.fromEntries(expected)) });
      expect(again).toMatchObject({ outcome: Outcome.UNCHANGED, user: read.user });
      const unset = await users.identify({ id, unset: names });
      expect(unset.user?.properties).toEqual(ada);
    },
  },
  {
    name: "-0 survives in binary and is 0 in JSON, and an integer beyond 2^53 is the nearest double",
    async hold({ users, id, baseUrl, isJson }) {
      await users.identify({ id: id(), properties: { ...ada, zero: -0 } });
      const { user } = await users.getUser({ id: id() });
      expect(Object.is(user?.properties?.["zero"], isJson ? 0 : -0)).toBe(true);
      await fetch(`${baseUrl}/rollcall.v1.UserService/Identify`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `{"id":${JSON.stringify(id())},"properties":{"n":9007199254740993}}`,
      });
      expect((await users.getUser({ id: id() })).user?.properties).toMatchObject({ n: 9007199254740992 });
    },
  },
  {
    name: "a thousand users are identified in one call",
    async hold({ users, id }) {
      const requests = Array.from({ length: 999 }, (_, n) => ({ id: id(n), properties: { ...ada, n } }));
      const refused = { id: id("refused"), properties: { name: "Ada" } };
      const answer = await users.identifyUsers({ requests: [...requests, refused] });
      expect(answer).toMatchObject({ created: 999, updated: 0, unchanged: 0, failed: 1, applied: 0 });
      const error = { code: 3, reason: "REQUIRED_PROPERTY_MISSING", violations: [{ field: "properties.email" }] };
      expect(answer.results).toMatchObject([{ index: 999, id: refused.id, outcome: Outcome.UNSPECIFIED, error }]);
      expect((await users.getUser({ id: id(998) })).user?.properties).toEqual({ ...ada, n: 998 });
      // All of it again is safe.
      expect(await users.identifyUsers({ requests })).toMatchObject({ created: 0, updated: 0, unchanged: 999 });
    },
  },
  {
    name: "items of one user apply in the order of their list",
    async hold({ users, id }) {
      const requests = Array.from({ length: 40 }, (_, n) => ({ id: id(n % 2), properties: { ...ada, n } }));
      const { results, created, updated } = await users.identifyUsers({ requests, report: BatchReport.ALL });
      expect({ created, updated }).toEqual({ created: 2, updated: 38 });
      expect(results.map(({ index }) => index)).toEqual(requests.map((_, n) => n));
      for (const last of [38, 39]) {
        const { user } = await users.getUser({ id: id(last % 2) });
        expect(user).toMatchObject({ properties: { ...ada, n: last }, etag: results[last]?.etag });
      }
    },
  },
  {
    name: "the registry describes itself",
    by: everyClient,
    async hold({ users }) {
      const registry = await users.getRegistry({});
      expect(registry).toMatchObject({ version: version(), requiredProperties: ["name", "email"] });
      expect(registry).toMatchObject({
        storeId: expect.stringMatching(/^[0-9a-f]{20}$/),
        features: ["indexes"],
        generation: expect.toSatisfy((generation) => generation >= 2n),
        indexes: [
          { property: "email", folded: true, state: State.READY, usersDone: 0n, usersTotal: 0n },
          { property: "plan", folded: false, state: State.READY },
        ],
      });
      // Nobody is asked who calls.
      expect(registry.principal).toBeUndefined();
    },
  },
  {
    name: "a stream of twenty messages is answered in order",
    by: streams,
    async hold({ users, id }) {
      async function* requests() {
        for (let message = 0; message < 20; message++) {
          const items = Array.from({ length: 50 }, (_, n) => ({ id: id(n), properties: { ...ada, message } }));
          yield { requests: [...items, { id: "", properties: ada }] };
        }
      }
      const answers = await all(users.batchIdentify(requests()));
      const results = [{ index: 50, error: { reason: "INVALID_ID", code: 3 } }];
      expect(answers).toMatchObject(
        Array.from({ length: 20 }, (_, sequence) => {
          const [created, updated] = sequence === 0 ? [50, 0] : [0, 50];
          return { sequence, created, updated, failed: 1, results };
        }),
      );
    },
  },
  {
    name: "users are listed to the end",
    async hold({ users, id }) {
      const created = await Promise.all([1, 2, 3].map((n) => users.identify({ id: id(n), properties: ada })));
      const listed = [];
      let pageToken = "";
      do {
        const page = await users.listUsers({ pageSize: 50, pageToken });
        listed.push(...page.users.filter((user) => created.some(({ user: each }) => each?.id === user.id)));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(listed.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual(created.map(({ user }) => user));
    },
  },
  {
    name: "callers that each set another property of one user at the same time leave all of them",
    by: ({ name }) => /^(gRPC|grpc-js)$/.test(name),
    async hold({ users, id }) {
      await users.identify({ id: id(), properties: ada });
      const all = Array.from({ length: 100 }, (_, n) => ({ [`p${n}`]: n }));
      const outcomes = await Promise.all(all.map((properties) => users.identify({ id: id(), properties })));
      expect(outcomes.every(({ outcome }) => outcome === Outcome.UPDATED)).toBe(true);
      const { user } = await users.getUser({ id: id() });
      expect(user?.properties).toEqual(Object.assign({}, ada, ...all));
    },
  },
];
