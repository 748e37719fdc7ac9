/** What each caller is told: every field of every answer, and every error that depends on what is stored, by its scopes. */
import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.js";
import type { ErrorReason } from "#gen/rollcall/v1/errors_pb.js";
import { BatchReport, PreferencesMode, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { scopes as allScopes, type Scope } from "../../src/credentials/principal.ts";
import { partitionOf } from "../../src/store/redis/keys.ts";
import { limits } from "../../src/users/limits.ts";
import { describeEachStore } from "../support/each-store.ts";
import { describeError } from "../support/rpc-errors.ts";
import { authorizationOf, scopedCredentials, scopeSets } from "../support/scoped-callers.ts";
import { ada } from "../support/server.ts";

const credentials = scopedCredentials();
afterAll(() => credentials.remove());

/** Whether a caller with these scopes is told. */
type Rule = (scopes: readonly Scope[]) => boolean;
const writes: Rule = (scopes) => scopes.includes("users.write");
const reads: Rule = (scopes) => scopes.includes("users.read");
const gets: Rule = (scopes) => reads(scopes) || scopes.includes("users.get");
const learns: Rule = (scopes) => writes(scopes) && reads(scopes);
const writesBlindly: Rule = (scopes) => writes(scopes) && !reads(scopes);

const everybody: Rule = () => true;

const userFields = (path: string, rule: Rule) =>
  Object.fromEntries(
    ["id", "properties", "preferences", "updated_at", "created_at", "etag"].map((name) => [`${path}.${name}`, rule]),
  );
const itemFields = (path: string) => ({
  [`${path}.created`]: learns,
  [`${path}.updated`]: learns,
  [`${path}.unchanged`]: learns,
  [`${path}.failed`]: writes,
  [`${path}.results.index`]: writes,
  [`${path}.results.id`]: writes,
  [`${path}.results.outcome`]: writes,
  [`${path}.results.etag`]: learns,
  [`${path}.results.error.code`]: writes,
  [`${path}.results.error.reason`]: writes,
  [`${path}.results.error.message`]: writes,
  [`${path}.results.error.violations.field`]: writes,
  [`${path}.results.error.violations.reason`]: writes,
  [`${path}.results.error.violations.description`]: writes,
  [`${path}.results.ignored_properties`]: learns,
  [`${path}.applied`]: writesBlindly,
});
/** Every field of every answer. One that is added to the contract has to be added here, with who is told. */
const told: Readonly<Record<string, Rule>> = {
  ...userFields("Identify.user", learns),
  "Identify.outcome": writes,
  "Identify.ignored_properties": learns,
  ...userFields("GetUser.user", gets),
  "BatchIdentify.sequence": writes,
  ...itemFields("BatchIdentify"),
  ...itemFields("IdentifyUsers"),
  ...userFields("BatchGetUsers.users", gets),
  "BatchGetUsers.missing_ids": gets,
  "BatchGetUsers.unread_ids": gets,
  "BatchGetUsers.damaged_ids": gets,
  ...userFields("ListUsers.users", reads),
  "ListUsers.next_page_token": reads,
  "ListUsers.damaged_count": reads,
  ...userFields("FindUsers.users", reads),
  "FindUsers.next_page_token": reads,
  "FindUsers.damaged_count": reads,
  "CountUsers.count": reads,
  ...userFields("ScanUsers.users", reads),
  "ScanUsers.next_page_token": reads,
  "ScanUsers.looked_at": reads,
  "ScanUsers.damaged_count": reads,
  ...userFields("SetPreferences.user", learns),
  "GetRegistry.version": everybody,
  "GetRegistry.required_properties": everybody,
  "GetRegistry.indexes.property": everybody,
  "GetRegistry.indexes.folded": everybody,
  "GetRegistry.indexes.state": everybody,
  "GetRegistry.indexes.users_done": reads,
  "GetRegistry.indexes.users_total": reads,
  "GetRegistry.principal.name": everybody,
  "GetRegistry.principal.scopes": everybody,
  "GetRegistry.store_id": everybody,
  "GetRegistry.features": everybody,
  "GetRegistry.generation": everybody,
};
/** What is told while an index is being built: test/rpc/user-handlers.test.ts. */
const unset: ReadonlySet<string> = new Set(["GetRegistry.indexes.users_done", "GetRegistry.indexes.users_total"]);

/**
 * What an error depends on beside the request, the caller and the server: what it tells of who is stored. `change`: whether the
 * write would change something, where the store has no room for that. `count`: how many users there are; only callers that may
 * read them all get it.
 */
const toldByErrors: Record<
  Exclude<keyof typeof ErrorReason, "UNSPECIFIED">,
  "nothing" | "presence" | "size" | "change" | "count"
> = {
  INVALID_ID: "nothing",
  INVALID_PROPERTY: "nothing",
  REQUIRED_PROPERTY_MISSING: "presence",
  LIMIT_EXCEEDED: "size",
  MALFORMED_REQUEST: "nothing",
  INVALID_ENUM_VALUE: "nothing",
  USER_NOT_FOUND: "presence",
  USER_DAMAGED: "presence",
  STORE_UNAVAILABLE: "nothing",
  DRAINING: "nothing",
  OVERLOADED: "nothing",
  STORE_FULL: "change",
  DEADLINE_EXCEEDED: "nothing",
  NOT_IMPLEMENTED: "nothing",
  INTERNAL: "nothing",
  USER_ALREADY_EXISTS: "presence",
  ETAG_MISMATCH: "presence",
  INVALID_PRECONDITION: "nothing",
  INVALID_OBSERVED_AT: "nothing",
  INVALID_PAGE_TOKEN: "nothing",
  INVALID_PAGE_SIZE: "nothing",
  INVALID_MATCH: "nothing",
  INVALID_FILTER: "nothing",
  PROPERTY_NOT_INDEXED: "nothing",
  INDEX_NOT_READY: "count",
  CREDENTIALS_INVALID: "nothing",
  SCOPE_MISSING: "nothing",
  CREDENTIALS_UNVERIFIABLE: "nothing",
};

const protocols: readonly [string, (baseUrl: string, interceptors: Interceptor[]) => Transport][] = [
  ["gRPC", (baseUrl, interceptors) => createGrpcTransport({ baseUrl, interceptors })],
  [
    "gRPC, compressed",
    (baseUrl, interceptors) =>
      createGrpcTransport({ baseUrl, interceptors, sendCompression: compressionGzip, compressMinBytes: 0 }),
  ],
  ["gRPC-Web", (baseUrl, interceptors) => createGrpcWebTransport({ baseUrl, interceptors, httpVersion: "2" })],
  ["Connect", (baseUrl, interceptors) => createConnectTransport({ baseUrl, interceptors, httpVersion: "2" })],
  [
    "Connect JSON",
    (baseUrl, interceptors) =>
      createConnectTransport({ baseUrl, interceptors, httpVersion: "2", useBinaryFormat: false }),
  ],
];

type Users = ReturnType<typeof clientOf>;
/** Each caller has one connection. */
const transports = new Map<string, Transport>();
function clientOf(url: string, [protocol, connect]: (typeof protocols)[number], scopes: readonly Scope[]) {
  const authorization = authorizationOf(scopes);
  const authorized: Interceptor = (next) => (request) => {
    request.header.set("authorization", authorization);
    return next(request);
  };
  const key = [url, protocol, authorization].join(" ");
  const transport = transports.get(key) ?? connect(url, [authorized]);
  transports.set(key, transport);
  return createClient(UserService, transport);
}

/** The paths of a message's fields; those of google.protobuf are whole. */
function fieldsOf({ fields }: DescMessage, prefix: string): string[] {
  return fields.flatMap(({ name, message }) => {
    const path = `${prefix}.${name}`;
    return message === undefined || message.typeName.startsWith("google.protobuf.") ? [path] : fieldsOf(message, path);
  });
}

/** The paths of the fields that a message has. */
function fieldsIn(message: ReflectMessage, prefix: string): string[] {
  return message.fields.flatMap((field) => {
    if (!message.isSet(field)) return [];
    const path = `${prefix}.${field.name}`;
    if (field.message === undefined || field.message.typeName.startsWith("google.protobuf.")) return [path];
    if (field.fieldKind === "message") return fieldsIn(message.get(field), path);
    if (field.fieldKind !== "list" || field.listKind !== "message") expect.fail(`${path} is of a kind not looked into`);
    return [...message.get(field)].flatMap((item) => (isReflectMessage(item) ? fieldsIn(item, path) : [path]));
  });
}

async function* messages<Message>(...all: Message[]): AsyncGenerator<Message> {
  yield* all;
}

/** So many users that one answer does not hold them. */
const large = Array.from({ length: 13 }, (_, at) => `large ${at}`);
const there = "there";
const isThere = { case: "present" as const, value: true };
/** The first of both stores' lists. */
const damaged = Array.from({ length: 1_000 }, (_, at) => `a${at}`).find((id) => partitionOf(id) === 0) ?? "";
let changes = 0;

/** Calls every method so that each field of its answer has something to tell. Returns the fields that were told. */
async function fieldsTold(client: Users, newId: string, others: readonly string[]): Promise<string[]> {
  const seen = new Set<string>();
  const note = (method: string, output: DescMessage, answer: Message) => {
    for (const path of fieldsIn(reflect(output, answer), method)) seen.add(path);
  };
  const call = async <Desc extends DescMessage>(
    method: { readonly name: string; readonly output: Desc },
    answers: () => AsyncIterable<MessageShape<Desc>> | Promise<MessageShape<Desc>>,
  ) => {
    try {
      const given = answers();
      if (given instanceof Promise) note(method.name, method.output, await given);
      else for await (const answer of given) note(method.name, method.output, answer);
    } catch (error) {
      if (ConnectError.from(error).code !== Code.PermissionDenied) throw error;
    }
  };
  const { identify, getUser, batchIdentify, identifyUsers } = UserService.method;
  const { batchGetUsers, listUsers, findUsers, countUsers, scanUsers } = UserService.method;
  const { setPreferences, deleteUser, getRegistry } = UserService.method;
  const change = () => ({ id: there, properties: { n: ++changes }, setOnce: { plan: "another" } });
  const requests = (id: string) => [
    { id, properties: ada },
    change(),
    { id: there, setOnce: { plan: "x" } },
    { id: "nobody" },
  ];
  const report = BatchReport.ALL;
  await call(listUsers, () => client.listUsers({ pageSize: 2 }));
  await call(findUsers, () => client.findUsers({ match: { property: "email", condition: isThere }, pageSize: 2 }));
  await call(countUsers, () => client.countUsers({ match: { property: "email", condition: isThere } }));
  await call(scanUsers, () => client.scanUsers({ pageSize: 2 }));
  await call(identify, () => client.identify(change()));
  await call(batchIdentify, () => client.batchIdentify(messages({}, { requests: requests(newId), report })));
  await call(identifyUsers, () => client.identifyUsers({ requests: requests(`${newId} too`), report }));
  await call(getUser, () => client.getUser({ id: there }));
  await call(batchGetUsers, () => client.batchGetUsers({ ids: [there, "nobody", damaged, ...others] }));
  await call(setPreferences, () => client.setPreferences({ id: there, preferences: { n: ++changes } }));
  await call(deleteUser, () => client.deleteUser({ id: newId, allowMissing: true }));
  await call(getRegistry, () => client.getRegistry({}));
  return [...seen].sort();
}

test("every field of every answer is in the table", () => {
  const fields = UserService.methods.flatMap(({ name, output }) => fieldsOf(output, name));
  expect(Object.keys(told).sort()).toEqual(fields.sort());
});

const reader = authorizationOf(["users.read"]);
describeEachStore(
  { access: { credentials: credentials.file }, indexed: "email:fold", authorization: reader },
  (server, spoil, choose) => {
    beforeAll(async () => {
      const [grpc] = protocols;
      if (grpc === undefined) throw new Error("there is no protocol");
      const client = clientOf(server().url, grpc, allScopes);
      const bio = "b".repeat(60_000);
      for (const id of large) await client.identify({ id, properties: { ...ada, a: bio, b: bio, c: bio, d: bio } });
      await client.identify({ id: there, properties: { ...ada, plan: "pro" } });
      const names = Array.from({ length: limits.maxProperties - 2 }, (_, at) => [`p${at}`, at]);
      await client.identify({ id: "full", properties: { ...ada, ...Object.fromEntries(names) } });
      const preferences = { kept: "k".repeat(40_000) };
      for (const id of [...large, there, "full"]) await client.setPreferences({ id, preferences });
      await client.identify({ id: damaged, properties: ada });
      await spoil(damaged);
    });

    describe.each(choose(protocols))("through %s", (...protocol) => {
      test.each(scopeSets.map((scopes) => [scopes.join(", "), scopes] as const))("%s", async (_, scopes) => {
        // The answer that is too large once is too large on every protocol, and takes its time.
        const others = protocol[0] === "gRPC" ? large : [];
        const seen = await fieldsTold(clientOf(server().url, protocol, scopes), "new", others);
        for (const id of ["new", "new too"]) {
          await clientOf(server().url, protocol, allScopes).deleteUser({ id, allowMissing: true });
        }
        const expected = Object.entries(told).flatMap(([path, rule]) =>
          rule(scopes) && !unset.has(path) ? [path] : [],
        );
        expect(seen).toEqual(
          expected.filter((path) => path !== "BatchGetUsers.unread_ids" || others.length > 0).sort(),
        );
      });

      test("errors tell the same to all, but the sizes of what is stored", async () => {
        const tested = new Set<string>();
        for (const { reason, scope, call } of errors) {
          const callers = scopeSets.filter((scopes) => scopes.includes(scope));
          const seen = new Map<boolean, Set<string>>([
            [true, new Set()],
            [false, new Set()],
          ]);
          for (const scopes of callers) {
            const error = await failureOf(call(clientOf(server().url, protocol, scopes)));
            expect(describeError(error)).toMatchObject({ reason });
            const { metadata, message } = describeError(error);
            const fields = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
            const descriptions = fields.map(({ field, description }) => `${field} ${description}`);
            seen.get(reads(scopes))?.add(JSON.stringify([error.code, metadata, message, descriptions]));
          }
          tested.add(reason);
          const [toReaders, toOthers] = [[...(seen.get(true) ?? [])], [...(seen.get(false) ?? [])]];
          expect(toReaders).toHaveLength(1);
          if (toldByErrors[reason] === "size") {
            const actual: string = JSON.parse(toReaders[0] ?? "")[1].actual;
            expect(Number(actual)).toBeGreaterThan(limits.maxProperties);
            expect(toOthers).toEqual([
              toReaders[0]?.replace(`,"actual":"${actual}"`, "").replaceAll(` ${actual} `, " too many "),
            ]);
            expect(toOthers[0]).not.toContain(actual);
          } else expect(toOthers).toEqual(scope === "users.read" ? [] : toReaders);
        }
        const dependent = Object.entries(toldByErrors).flatMap(([reason, what]) =>
          what === "presence" || what === "size" ? [reason] : [],
        );
        expect([...tested]).toEqual(expect.arrayContaining(dependent));
      });

      test("an item's error says what a single call's does", async () => {
        for (const scopes of [["users.write"], ["users.write", "users.read"]] as const) {
          const client = clientOf(server().url, protocol, scopes);
          const { message, metadata } = describeError(await failureOf(client.identify(overfull)));
          expect("actual" in metadata).toBe(reads(scopes));
          const requests = [overfull];
          const { results } = await client.identifyUsers({ requests });
          for await (const answer of client.batchIdentify(messages({ requests }))) results.push(...answer.results);
          const error = {
            reason: "LIMIT_EXCEEDED",
            message,
            violations: [{ description: message.replace("properties: ", "") }],
          };
          expect(results).toMatchObject([{ error }, { error }]);
        }
      });
    });
  },
);

const overfull = { id: "full", properties: { "one more": 1 } };
const exists = (value: boolean) => ({ condition: { case: "exists" as const, value } });
const anotherEtag = { condition: { case: "etag" as const, value: "another" } };

/** Errors of each reason that depends on what is stored, and of those that a request alone can have. */
const errors: readonly {
  readonly reason: keyof typeof toldByErrors;
  readonly scope: Scope;
  readonly call: (client: Users) => Promise<unknown>;
}[] = [
  {
    reason: "REQUIRED_PROPERTY_MISSING",
    scope: "users.write",
    call: (client) => client.identify({ id: "nobody", properties: {} }),
  },
  {
    reason: "USER_NOT_FOUND",
    scope: "users.write",
    call: (client) => client.identify({ id: "nobody", properties: ada, precondition: exists(true) }),
  },
  {
    reason: "USER_NOT_FOUND",
    scope: "users.write",
    call: (client) => client.setPreferences({ id: "nobody", preferences: {} }),
  },
  { reason: "USER_NOT_FOUND", scope: "users.delete", call: (client) => client.deleteUser({ id: "nobody" }) },
  { reason: "USER_NOT_FOUND", scope: "users.get", call: (client) => client.getUser({ id: "nobody" }) },
  { reason: "USER_DAMAGED", scope: "users.get", call: (client) => client.getUser({ id: damaged }) },
  { reason: "INVALID_ID", scope: "users.write", call: (client) => client.identify({ id: "", properties: ada }) },
  { reason: "INVALID_ID", scope: "users.get", call: (client) => client.getUser({ id: "" }) },
  {
    reason: "INVALID_PROPERTY",
    scope: "users.write",
    call: (client) => client.identify({ id: there, properties: { "": 1 } }),
  },
  {
    reason: "INVALID_PRECONDITION",
    scope: "users.write",
    call: (client) => client.identify({ id: there, precondition: { condition: { case: "etag", value: "" } } }),
  },
  {
    reason: "INVALID_OBSERVED_AT",
    scope: "users.write",
    call: (client) => client.identify({ id: there, observedAt: { seconds: -1n, nanos: 0 } }),
  },
  {
    reason: "USER_DAMAGED",
    scope: "users.write",
    call: (client) => client.identify({ id: damaged, properties: ada }),
  },
  {
    reason: "USER_DAMAGED",
    scope: "users.write",
    call: (client) => client.setPreferences({ id: damaged, preferences: {} }),
  },
  {
    reason: "USER_ALREADY_EXISTS",
    scope: "users.write",
    call: (client) => client.identify({ id: there, properties: ada, precondition: exists(false) }),
  },
  {
    reason: "ETAG_MISMATCH",
    scope: "users.write",
    call: (client) => client.identify({ id: there, properties: ada, precondition: anotherEtag }),
  },
  {
    reason: "ETAG_MISMATCH",
    scope: "users.write",
    call: (client) => client.setPreferences({ id: there, preferences: {}, precondition: anotherEtag }),
  },
  {
    reason: "ETAG_MISMATCH",
    scope: "users.delete",
    call: (client) => client.deleteUser({ id: there, precondition: anotherEtag }),
  },
  {
    reason: "INVALID_MATCH",
    scope: "users.read",
    call: (client) => client.findUsers({ match: { property: "email", condition: { case: "present", value: false } } }),
  },
  {
    reason: "INVALID_FILTER",
    scope: "users.read",
    call: (client) => client.scanUsers({ where: { updatedAfter: { seconds: -1n, nanos: 0 } } }),
  },
  {
    reason: "PROPERTY_NOT_INDEXED",
    scope: "users.read",
    call: (client) =>
      client.countUsers({ match: { property: "name", condition: { case: "startsWith", value: "Ad" } } }),
  },
  { reason: "LIMIT_EXCEEDED", scope: "users.write", call: (client) => client.identify(overfull) },
  {
    reason: "LIMIT_EXCEEDED",
    scope: "users.write",
    call: (client) => client.identify({ id: "large 0", properties: { e: "e".repeat(60_000) } }),
  },
  {
    reason: "LIMIT_EXCEEDED",
    scope: "users.write",
    call: (client) =>
      client.setPreferences({
        id: "large 1",
        preferences: { more: "m".repeat(40_000) },
        mode: PreferencesMode.MERGE,
      }),
  },
];

function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => expect.fail("the call succeeded"),
    (error: unknown) => ConnectError.from(error),
  );
}
