/** Calls that are refused, and what each client sees of that: one row for an error. Answers are steps of test/scenarios/users.json. */
import { create, type DescMethodUnary, fromJson, type JsonValue, type MessageInitShape } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { type Client, type Code, createClient, type Transport } from "@connectrpc/connect";
import { expect } from "vitest";
import type { ErrorReason } from "#gen/rollcall/v1/errors_pb.js";
import { IdentifyRequestSchema, type MatchSchema, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { limits } from "../../../src/users/limits.ts";
import { ada } from "../../support/server.ts";
import { type By, everyClient, oneOfEach } from "./carriers.ts";

export type Users = Client<typeof UserService>;
export const usersOf = (transport: Transport): Users => createClient(UserService, transport);
type Condition = NonNullable<MessageInitShape<typeof MatchSchema>["condition"]>;
type Call = (users: Users, transport: Transport) => Promise<unknown>;

/** What a client sees of an error. */
export interface Refusal {
  readonly reason: keyof typeof ErrorReason;
  readonly code: keyof typeof Code;
  /** Fields that are wrong, by the error's own reason or by another. Default: none. */
  readonly fields?: readonly (string | { readonly field: unknown; readonly reason: string })[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** Whether the caller is told to try again. */
  readonly retry?: boolean;
  readonly message?: string;
}

interface RefusedCall extends Refusal {
  readonly call: Call;
  readonly by?: By;
}

/** A value nested that deep: the innermost part is in as many objects and lists. */
export function nested(depth: number): JsonValue {
  let value: JsonValue = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? { ["__proto__"]: value } : [value];
  return value;
}

/** The user `there`; there is none `nobody`. */
export const there = { ...ada, a: 1, b: 2 };
const identify =
  (request: MessageInitShape<typeof IdentifyRequestSchema>): Call =>
  (users) =>
    users.identify(request);

const { getUser } = UserService.method;
const unknownEnum: number = 7;
const none = { condition: { case: undefined } };
const exists = (value: boolean) => ({ condition: { case: "exists" as const, value } });
const etag = (value: string) => ({ condition: { case: "etag" as const, value } });
const at = (seconds: bigint) => ({ seconds, nanos: 0 });
const long = "x".repeat(40_000);
const unfinite = `50 % off; a:b, c/d?e=f&g @ "é" 𝄞 %3B`;
const limit = (name: keyof typeof limits, actual?: number) => ({
  ...{ limit: name, max: String(limits[name]) },
  ...(actual !== undefined && { actual: String(actual) }),
});

const present: Condition = { case: "present", value: true };
const sought = (value: JsonValue) => fromJson(ValueSchema, value);
const find =
  (condition: Condition, property = "email"): Call =>
  (users) =>
    users.findUsers({ match: { property, condition } });

/** What is indexed in the stores. */
export const indexed = "email:fold,plan";

/** Another message than the method takes, or another method. */
const unary =
  <Method extends DescMethodUnary>(method: Method, input: MessageInitShape<Method["input"]>): Call =>
  (_, transport) =>
    transport.unary(method, undefined, undefined, undefined, create(method.input, input));

type More = Pick<RefusedCall, "by" | "message">;
const refused = (reason: Refusal["reason"], code: Refusal["code"], call: Call, more: Partial<RefusedCall> = {}) =>
  ({ reason, code, call, ...more }) satisfies RefusedCall;
const invalid = (
  reason: Refusal["reason"],
  fields: NonNullable<Refusal["fields"]>,
  call: Call,
  metadata: NonNullable<Refusal["metadata"]> = {},
  more: More = {},
): RefusedCall => refused(reason, "InvalidArgument", call, { fields, metadata, ...more });

const required = { required_properties: "name,email" };
const name = "properties.name";

export const refusals: readonly RefusedCall[] = [
  invalid("INVALID_ID", ["id"], (users) => users.getUser({ id: "" })),
  invalid(
    "INVALID_ID",
    ["ids[1]"],
    (users) => users.batchGetUsers({ ids: ["u", "x".repeat(257)] }),
    limit("maxIdBytes", 257),
  ),
  invalid(
    "INVALID_ID",
    ["id", { field: 'properties["a.b"]', reason: "LIMIT_EXCEEDED" }],
    identify({ id: "", properties: { name: "", "a.b": { list: [null, long, long] } } }),
  ),
  invalid(
    "INVALID_PROPERTY",
    ['set_once["a.b"]', "unset.c"],
    identify({ id: "u", properties: { "a.b": 1, c: 1 }, setOnce: { "a.b": 2 }, unset: ["c"] }),
  ),
  invalid(
    "INVALID_PROPERTY",
    [`properties[${JSON.stringify(unfinite)}]`],
    identify({ id: "u", properties: { ...ada, [unfinite]: Number.NaN } }),
    {},
    // JSON has no such number.
    { by: ({ form }) => form !== "json", message: `properties[${JSON.stringify(unfinite)}]: is not a finite number` },
  ),
  invalid(
    "REQUIRED_PROPERTY_MISSING",
    [name, "properties.email"],
    identify({ id: "nobody", properties: {} }),
    required,
  ),
  invalid(
    "REQUIRED_PROPERTY_MISSING",
    [name, "unset[1]"],
    identify({ id: "there", properties: { name: 1 }, unset: ["x", "email"] }),
    required,
  ),
  invalid(
    "LIMIT_EXCEEDED",
    ["properties.text"],
    identify({ id: "u", properties: { ...ada, text: "x".repeat(65_536) } }),
    limit("maxValueBytes", 65_540),
  ),
  invalid(
    "LIMIT_EXCEEDED",
    ["preferences"],
    (users) => users.setPreferences({ id: "u", preferences: { a: long, b: long } }),
    limit("maxPreferencesBytes", 80_030),
  ),
  invalid(
    "LIMIT_EXCEEDED",
    [{ field: expect.stringMatching(/^properties\.deep\[0\]/), reason: "LIMIT_EXCEEDED" }],
    identify({ id: "nobody", properties: { ...ada, deep: [nested(24)] } }),
    limit("maxValueDepth"),
  ),
  refused(
    "LIMIT_EXCEEDED",
    "ResourceExhausted",
    (users) => users.setPreferences({ id: "x".repeat(limits.maxRequestBytes) }),
    {
      metadata: limit("maxRequestBytes"),
      by: oneOfEach,
    },
  ),
  invalid(
    "LIMIT_EXCEEDED",
    ["requests"],
    (users) => users.identifyUsers({ requests: Array.from({ length: 1_001 }, () => ({ id: "u" })) }),
    limit("maxBatchItems", 1_001),
  ),
  invalid("INVALID_ENUM_VALUE", ["report"], (users) => users.identifyUsers({ report: unknownEnum })),
  invalid("INVALID_ENUM_VALUE", ["mode"], (users) =>
    users.setPreferences({ id: "u", preferences: {}, mode: unknownEnum }),
  ),
  refused("USER_NOT_FOUND", "NotFound", (users) => users.getUser({ id: "nobody" }), {
    by: everyClient,
    message: "there is no user with this id",
  }),
  refused("USER_NOT_FOUND", "NotFound", identify({ id: "nobody", properties: ada, precondition: etag("any") })),
  refused(
    "USER_ALREADY_EXISTS",
    "AlreadyExists",
    identify({ id: "there", properties: ada, precondition: exists(false) }),
  ),
  refused("ETAG_MISMATCH", "Aborted", (users) => users.deleteUser({ id: "there", precondition: etag("another") })),
  invalid("INVALID_PRECONDITION", ["precondition"], identify({ id: "u", properties: ada, precondition: none })),
  invalid("INVALID_PRECONDITION", ["precondition.etag"], (users) =>
    users.setPreferences({ id: "u", preferences: {}, precondition: etag("") }),
  ),
  invalid(
    "INVALID_OBSERVED_AT",
    ["observed_at"],
    identify({ id: "u", properties: ada, observedAt: at(200_000_000_000n) }),
    limit("maxObservedAheadSeconds"),
  ),
  invalid("INVALID_OBSERVED_AT", ["observed_at"], identify({ id: "u", properties: ada, observedAt: at(-1n) })),
  invalid("INVALID_OBSERVED_AT", ["observed_at"], identify({ id: "u", setOnce: ada, observedAt: at(1n) })),
  invalid("INVALID_PAGE_TOKEN", ["page_token"], (users) => users.listUsers({ pageToken: "made up" })),
  invalid("INVALID_PAGE_SIZE", ["page_size"], (users) => users.listUsers({ pageSize: -1 })),
  invalid(
    "INVALID_MATCH",
    ["match", { field: "page_size", reason: "INVALID_PAGE_SIZE" }],
    (users) => users.findUsers({ pageSize: -1 }),
    {},
    { by: everyClient },
  ),
  invalid("INVALID_MATCH", ["match.property"], (users) => users.countUsers({ match: { condition: present } })),
  invalid("INVALID_MATCH", ["match"], (users) => users.countUsers({ match: { property: "email" } })),
  invalid("INVALID_MATCH", ["match.equals"], find({ case: "equals", value: sought(null) })),
  invalid("INVALID_MATCH", ["match.equals"], find({ case: "equals", value: sought({ a: [1] }) })),
  invalid("INVALID_MATCH", ["match.equals"], find({ case: "equals", value: sought("x".repeat(257)) })),
  invalid("INVALID_MATCH", ["match.starts_with"], find({ case: "startsWith", value: "𝄞" })),
  invalid("INVALID_MATCH", ["match.starts_with"], find({ case: "startsWith", value: "x".repeat(257) }, "plan")),
  invalid("INVALID_MATCH", ["match.present"], find({ case: "present", value: false })),
  invalid(
    "INVALID_FILTER",
    ["where.updated_after", "where.created_after", { field: "page_token", reason: "INVALID_PAGE_TOKEN" }],
    (users) => users.scanUsers({ where: { updatedAfter: at(-1n), createdAfter: at(-2n) }, pageToken: "made up" }),
    {},
    { by: everyClient },
  ),
  invalid("INVALID_PROPERTY", ['where.properties[""]'], (users) =>
    users.scanUsers({ where: { properties: { "": 1 } } }),
  ),
  // A token of another method.
  invalid("INVALID_PAGE_TOKEN", ["page_token"], async (users) => {
    const { nextPageToken: pageToken } = await users.listUsers({ pageSize: 1 });
    return users.scanUsers({ pageToken });
  }),
  // A token of another match.
  invalid("INVALID_PAGE_TOKEN", ["page_token"], async (users) => {
    await users.identify({ id: "there too", properties: there });
    const match = { property: "email", condition: present };
    const { nextPageToken: pageToken } = await users.findUsers({ match, pageSize: 1 });
    return users.findUsers({ match: { ...match, condition: { case: "startsWith", value: "ada" } }, pageToken });
  }),
  refused("PROPERTY_NOT_INDEXED", "FailedPrecondition", find(present, "no such property"), {
    metadata: { indexed: "email,plan" },
    by: everyClient,
  }),
  refused("NOT_IMPLEMENTED", "Unimplemented", unary({ ...getUser, name: "FindUser" }, { id: "u" })),
  refused(
    "MALFORMED_REQUEST",
    "InvalidArgument",
    unary({ ...getUser, input: IdentifyRequestSchema }, { properties: ada }),
    {
      fields: ["properties"],
      by: ({ form, isSlow }) => form === "json" && isSlow !== true,
    },
  ),
  refused(
    "MALFORMED_REQUEST",
    "InvalidArgument",
    // A field that says that it is longer than what follows.
    unary(getUser, { ...create(getUser.input), $unknown: [{ no: 1, wireType: 2, data: Uint8Array.of(9, 1) }] }),
    { by: ({ form }) => form === "binary" },
  ),
];

/** What an error could say too much of. */
export const longNames = Object.fromEntries(
  Array.from({ length: 500 }, (_, n) => [`${"\u0001é".repeat(30)}${n}`, "x".repeat(n > 30 ? 600 : 65_600)]),
);
