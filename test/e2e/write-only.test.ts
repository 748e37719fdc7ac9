/** A caller who may write and not read learns nothing of a value from what it writes, however it asks. */
import type { ClientHttp2Session } from "node:http2";
import { create, type DescMethod, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BatchReport, Outcome, PreferencesMode, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { scopes as allScopes, type Scope } from "../../src/credentials/principal.ts";
import { describeEachStore } from "../support/each-store.ts";
import { type CallEncoding, encodedCall, openSession, rawExchange } from "../support/raw-calls.ts";
import { failureOf } from "../support/rpc-errors.ts";
import { authorizationOf, scopedCredentials } from "../support/scoped-callers.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";

const credentials = scopedCredentials();
afterAll(() => credentials.remove());

const { identify, batchIdentify, identifyUsers, setPreferences, deleteUser } = UserService.method;
const hidden = "k7Qz2mXe9Rw4Tb1V";
const id = "victim";
const observedAt = { seconds: 1_700_000_000n, nanos: 0 };
const earlier = { seconds: 1_600_000_000n, nanos: 0 };
const later = { seconds: 1_750_000_000n, nanos: 0 };

/** Each caller has one connection. */
const transports = new Map<string, Transport>();
function clientOf(url: string, scopes: readonly Scope[]) {
  const authorization = authorizationOf(scopes);
  const authorized: Interceptor = (next) => (request) => {
    request.header.set("authorization", authorization);
    return next(request);
  };
  const key = `${url} ${authorization}`;
  const transport = transports.get(key) ?? createGrpcTransport({ baseUrl: url, interceptors: [authorized] });
  transports.set(key, transport);
  return createClient(UserService, transport);
}
const writer: readonly Scope[] = ["users.write", "users.delete", "users.get"];

/** The user with a value to find out, as it was before any of the caller's writes. */
async function reset(url: string): Promise<void> {
  const client = clientOf(url, allScopes);
  await client.deleteUser({ id, allowMissing: true });
  await client.identify({ id, properties: { ...ada, hidden }, observedAt });
  await client.setPreferences({ id, preferences: { hidden } });
}

const encodings: readonly (readonly [string, CallEncoding])[] = [
  ["gRPC", { protocol: "grpc", encoding: "binary", isCompressed: false }],
  ["gRPC, compressed", { protocol: "grpc", encoding: "binary", isCompressed: true }],
  ["gRPC-Web", { protocol: "grpc-web", encoding: "binary", isCompressed: false }],
  ["Connect", { protocol: "connect", encoding: "binary", isCompressed: false }],
  ["Connect JSON", { protocol: "connect", encoding: "json", isCompressed: false }],
];

/** Everything that comes back, but the time of day. */
async function bytesOf<Method extends DescMethod>(
  session: ClientHttp2Session,
  how: CallEncoding,
  method: Method,
  init: MessageInitShape<Method["input"]>,
): Promise<string> {
  const message = create(method.input, init);
  const bytes =
    how.encoding === "json" ? Buffer.from(toJsonString(method.input, message)) : toBinary(method.input, message);
  const call = encodedCall(method, bytes, how);
  const headers = { ...call.headers, authorization: authorizationOf(writer) };
  const { headers: head, trailers, body } = await rawExchange(session, { ...call, headers });
  expect(head[":status"]).toBeDefined();
  return JSON.stringify([{ ...head, date: undefined }, trailers, body.toString("latin1")]);
}

type Identify = MessageInitShape<typeof identify.input>;
const guess = (value: string, more: Pick<Identify, "observedAt" | "precondition" | "validateOnly"> = {}): Identify => ({
  ...{ id, properties: { hidden: value }, ...more },
});

/** Each of these once gave away something of what is stored. */
const guesses: Readonly<Record<string, Identify>> = {
  "the value": guess(hidden),
  "another value": guess("k7Qz2mXe9Rw4Tb1W"),
  "observed then: the value": guess(hidden, { observedAt }),
  "observed then: a smaller one": guess("k7Qz2mXe9Rw4Tb1U", { observedAt }),
  "observed then: a greater one": guess("k7Qz2mXe9Rw4Tb1W", { observedAt }),
  "observed then: a shorter one": guess("k", { observedAt }),
  "observed then: of another kind": { id, properties: { hidden: null }, observedAt },
  "observed earlier": guess("another", { observedAt: earlier }),
  "observed later: the value": guess(hidden, { observedAt: later }),
  "observed later: another value": guess("another", { observedAt: later }),
  "set once: what is there": { id, setOnce: { hidden: "x" } },
  "set once: what is not there": { id, setOnce: { absent: "x" } },
  "set once: as it is": { id, setOnce: { hidden } },
  "unset: what is there": { id, unset: ["hidden"] },
  "unset: what is not there": { id, unset: ["absent"] },
  "unset, observed earlier": { id, unset: ["hidden"], observedAt: earlier },
  "unset, observed later": { id, unset: ["hidden"], observedAt: later },
  nothing: { id },
  "only if the user is there": guess(hidden, { precondition: { condition: { case: "exists", value: true } } }),
};

describeEachStore({ access: { credentials: credentials.file } }, (server, _, choose) => {
  describe.each(choose(encodings))("through %s", (_, how) => {
    let session: ClientHttp2Session;
    beforeEach(async () => {
      session = await openSession(server().url);
    });
    afterEach(() => session.close());

    const different = async (calls: readonly (() => Promise<string>)[]): Promise<readonly string[]> => {
      const seen = new Set<string>();
      for (const call of calls) {
        await reset(server().url);
        seen.add(await call());
      }
      return [...seen];
    };

    test("every Identify is answered with the same bytes, whatever it did", async () => {
      const calls = Object.values(guesses).map((init) => () => bytesOf(session, how, identify, init));
      expect(await different(calls)).toHaveLength(1);
    });

    test("so is every item of a batch, listed or counted", async () => {
      for (const report of [BatchReport.ALL, BatchReport.FAILURES]) {
        for (const method of [batchIdentify, identifyUsers]) {
          const calls = Object.values(guesses).map(
            (init) => () => bytesOf(session, how, method, { requests: [init], report }),
          );
          expect(await different(calls)).toHaveLength(1);
        }
      }
    });

    test("so are preferences, and a deletion of a user that may be missing", async () => {
      const { MERGE } = PreferencesMode;
      const preferences = [{ hidden }, { hidden: "x" }, {}].flatMap((sent) =>
        [MERGE, PreferencesMode.REPLACE].map(
          (mode) => () => bytesOf(session, how, setPreferences, { id, preferences: sent, mode }),
        ),
      );
      expect(await different(preferences)).toHaveLength(1);
      const deletions = [id, "nobody"].map(
        (each) => () => bytesOf(session, how, deleteUser, { id: each, allowMissing: true }),
      );
      expect(await different(deletions)).toHaveLength(1);
    });

    test("no validation says anything", async () => {
      await reset(server().url);
      const validations = Object.values(guesses).map((init) => ({ ...init, validateOnly: true }));
      const calls = validations.map((init) => () => bytesOf(session, how, identify, init));
      const [refusal, ...others] = await Promise.all(calls.map((call) => call()));
      expect(new Set(others)).toEqual(new Set([refusal]));
      expect(refusal).toContain("validate_only");
      for (const method of [batchIdentify, identifyUsers]) {
        const batches = validations.map((init) => bytesOf(session, how, method, { requests: [init] }));
        expect(new Set(await Promise.all(batches)).size).toBe(1);
      }
    });
  });

  test("an answer says that the write was applied, and no more", async () => {
    await reset(server().url);
    const client = clientOf(server().url, ["users.write"]);
    const answer = await client.identify({ id, properties: { hidden: "new" }, setOnce: { absent: 1 } });
    expect(answer).toMatchObject({ outcome: Outcome.APPLIED, ignoredProperties: [] });
    expect(answer.user).toBeUndefined();
    expect((await client.setPreferences({ id, preferences: { a: 1 } })).user).toBeUndefined();
    const { user } = await clientOf(server().url, ["users.get"]).getUser({ id });
    expect(user).toMatchObject({ properties: { ...ada, hidden: "new", absent: 1 }, preferences: { a: 1 } });
    expect(await failureOf(client.identify({ id, validateOnly: true }))).toMatchObject({
      reason: "SCOPE_MISSING",
      code: "PermissionDenied",
      metadata: { scope: "users.read" },
    });
  });

  test("a batch counts what was applied, and its metrics count what was done", async () => {
    const client = clientOf(server().url, ["users.write"]);
    const items = (outcome: string) =>
      server()
        .metric(`rollcall_batch_items_total{rollcall_outcome="${outcome}"}`)
        .then((count) => count ?? 0);
    const counts = async () => [await items("unchanged"), await items("updated"), await items("failed")];
    const message = {
      requests: [guess(hidden), guess("new"), { id: "" }, guess(hidden, { validateOnly: true })],
      report: BatchReport.ALL,
    };
    async function* messages() {
      yield message;
    }
    const refused = { outcome: Outcome.UNSPECIFIED, etag: "" };
    const applied = { outcome: Outcome.APPLIED, etag: "", ignoredProperties: [] };
    for (const identified of [
      () => client.batchIdentify(messages()),
      async () => [await client.identifyUsers(message)],
    ]) {
      await reset(server().url);
      const before = await counts();
      for await (const answer of await identified()) {
        expect(answer).toMatchObject({ created: 0, updated: 0, unchanged: 0, applied: 2, failed: 2 });
        expect(answer.results).toMatchObject([
          applied,
          applied,
          { ...refused, error: { reason: "INVALID_ID" } },
          { ...refused, error: { reason: "SCOPE_MISSING", code: 7 } },
        ]);
      }
      expect((await counts()).map((count, at) => count - (before[at] ?? 0))).toEqual([1, 1, 2]);
      expect(await items("applied")).toBe(0);
    }
  });

  test("a refusal for lack of room does not tell when a value was observed", async () => {
    const client = clientOf(server().url, allScopes);
    const text = "x".repeat(60_000);
    await reset(server().url);
    await client.identify({ id, properties: { a: text, b: text, c: text, d: text, e: "e".repeat(21_500) } });
    const longer = { id, properties: { hidden: hidden.repeat(100) } };
    const blind = clientOf(server().url, ["users.write"]);
    const seen = new Set<string>();
    for (const time of [earlier, observedAt, later]) {
      seen.add(JSON.stringify(await failureOf(blind.identify({ ...longer, observedAt: time }))));
    }
    expect([...seen]).toEqual([expect.stringContaining("LIMIT_EXCEEDED")]);
    // Who may read is told that it lost.
    expect(await client.identify({ ...longer, observedAt: earlier })).toMatchObject({ outcome: Outcome.UNCHANGED });
  });
});

describe("a search for a value by which bytes are greater", () => {
  const alphabet = [..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"];
  const [least = ""] = alphabet;
  let current: TestServer;
  let old: TestServer;
  beforeAll(async () => {
    current = await startTestServer({ access: { credentials: credentials.file } });
    old = await startTestServer({ access: { credentials: credentials.file, writeOnlyAnswers: "legacy" } });
    await reset(current.url);
    await reset(old.url);
  });
  afterAll(async () => {
    await current.stop();
    await old.stop();
  });

  /** Halves the alphabet for each character. `isGreater` says whether what it is given would win over what is there. */
  async function search(isGreater: (value: string) => Promise<boolean>): Promise<string> {
    let found = "";
    while (found.length < hidden.length) {
      let [low, high] = [0, alphabet.length - 1];
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        const value = `${found}${alphabet[middle]}`.padEnd(hidden.length, least);
        // A value that wins is greater than what is there, or it.
        if (await isGreater(value)) high = middle - 1;
        else low = middle;
      }
      found += alphabet[low];
    }
    return found;
  }

  test("finds it where answers are as they were in 0.1, and nothing where they are not", async () => {
    const tried: string[] = [];
    const legacy = clientOf(old.url, ["users.write"]);
    const found = await search(async (value) => {
      tried.push(value);
      const { ignoredProperties } = await legacy.identify(guess(value, { observedAt, validateOnly: true }));
      return ignoredProperties.length === 0 && value !== hidden;
    });
    expect(found).toBe(hidden);
    expect(tried.length).toBeGreaterThan(hidden.length);

    const session = await openSession(current.url);
    for (const [, how] of encodings) {
      for (const validateOnly of [true, false]) {
        const seen = new Set<string>();
        for (const value of tried) {
          seen.add(await bytesOf(session, how, identify, guess(value, { observedAt, validateOnly })));
        }
        expect(seen.size).toBe(1);
      }
    }
    session.close();
  });

  test("answers as they were in 0.1 have ids, times, etags and outcomes, and a warning at the start", async () => {
    const client = clientOf(old.url, ["users.write"]);
    const { user, outcome, ignoredProperties } = await client.identify({ id, setOnce: { hidden: "x" } });
    expect(outcome).toBe(Outcome.UNCHANGED);
    expect(ignoredProperties).toEqual(["hidden"]);
    expect(user).toMatchObject({ id, properties: {}, preferences: {}, etag: expect.stringMatching(/.+/) });
    expect(user?.updatedAt).toBeDefined();
    const { user: set } = await client.setPreferences({ id, preferences: { hidden } });
    expect(set).toMatchObject({ id, properties: {}, preferences: {}, etag: user?.etag });
    async function* requests() {
      yield { requests: [guess(hidden)], report: BatchReport.ALL };
    }
    for await (const answer of client.batchIdentify(requests())) {
      expect(answer).toMatchObject({ unchanged: 1, applied: 0, results: [{ etag: user?.etag }] });
    }
    const warnings = (server: TestServer) => server.logs.filter(({ msg }) => String(msg).includes("--write-only"));
    expect(warnings(old)).toHaveLength(1);
    expect(warnings(current)).toHaveLength(0);
  });
});
