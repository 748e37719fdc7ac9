/** Rows of the table of errors that one request brings about, whatever the state of the server. */
import { create, type DescMethodUnary, type MessageInitShape } from "@bufbuild/protobuf";
import { type Code, createClient, type Transport } from "@connectrpc/connect";
import type { ErrorReason } from "#gen/rollcall/v1/errors_pb.js";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { limits } from "../../src/users/limits.ts";
import type { SeenError } from "../support/rpc-errors.ts";
import { ada } from "../support/server.ts";

const { getUser } = UserService.method;

/** What a client sees, but for the message, which is for people. */
type Expected = Partial<Pick<SeenError, "metadata" | "violations" | "retry">>;

export interface Row extends Expected {
  readonly reason: keyof typeof ErrorReason;
  readonly code: keyof typeof Code;
  readonly call: (transport: Transport) => Promise<unknown>;
}

export const users = (transport: Transport) => createClient(UserService, transport);
const unknownMode: number = 7;
const none = { condition: { case: undefined } };
const exists = (value: boolean) => ({ condition: { case: "exists" as const, value } });
const etag = (value: string) => ({ condition: { case: "etag" as const, value } });
const limit = (name: keyof typeof limits, actual?: number) => ({
  limit: name,
  max: String(limits[name]),
  ...(actual === undefined ? {} : { actual: String(actual) }),
});

/** Another message than the method takes, or another method. */
export function unary<Method extends DescMethodUnary>(
  transport: Transport,
  method: Method,
  input: MessageInitShape<Method["input"]>,
) {
  return transport.unary(method, undefined, undefined, undefined, create(method.input, input));
}

/** There must be a user `there`, and none `nobody`. */
export const rows: readonly Row[] = [
  {
    reason: "INVALID_ID",
    code: "InvalidArgument",
    metadata: {},
    violations: [{ field: "id", reason: "INVALID_ID" }],
    call: (transport) => users(transport).getUser({ id: "" }),
  },
  {
    reason: "INVALID_ID",
    code: "InvalidArgument",
    metadata: limit("maxIdBytes", 257),
    violations: [{ field: "ids[1]", reason: "INVALID_ID" }],
    call: (transport) => users(transport).batchGetUsers({ ids: ["u", "x".repeat(257)] }),
  },
  {
    reason: "INVALID_PROPERTY",
    code: "InvalidArgument",
    metadata: {},
    violations: [
      { field: 'set_once["a.b"]', reason: "INVALID_PROPERTY" },
      { field: "unset.c", reason: "INVALID_PROPERTY" },
    ],
    call: (transport) =>
      users(transport).identify({ id: "u", properties: { "a.b": 1, c: 1 }, setOnce: { "a.b": 2 }, unset: ["c"] }),
  },
  {
    reason: "REQUIRED_PROPERTY_MISSING",
    code: "InvalidArgument",
    metadata: { required_properties: "name,email" },
    violations: [
      { field: "properties.name", reason: "REQUIRED_PROPERTY_MISSING" },
      { field: "properties.email", reason: "REQUIRED_PROPERTY_MISSING" },
    ],
    call: (transport) => users(transport).identify({ id: "nobody", properties: {} }),
  },
  {
    reason: "REQUIRED_PROPERTY_MISSING",
    code: "InvalidArgument",
    metadata: { required_properties: "name,email" },
    violations: [
      { field: "properties.name", reason: "REQUIRED_PROPERTY_MISSING" },
      { field: "unset[1]", reason: "REQUIRED_PROPERTY_MISSING" },
    ],
    call: (transport) => users(transport).identify({ id: "there", properties: { name: 1 }, unset: ["x", "email"] }),
  },
  {
    reason: "LIMIT_EXCEEDED",
    code: "InvalidArgument",
    metadata: limit("maxValueBytes", 65_540),
    violations: [{ field: "properties.text", reason: "LIMIT_EXCEEDED" }],
    call: (transport) => users(transport).identify({ id: "u", properties: { ...ada, text: "x".repeat(65_536) } }),
  },
  {
    reason: "LIMIT_EXCEEDED",
    code: "InvalidArgument",
    metadata: limit("maxPreferencesBytes", 80_030),
    violations: [{ field: "preferences", reason: "LIMIT_EXCEEDED" }],
    call: (transport) =>
      users(transport).setPreferences({ id: "u", preferences: { a: "x".repeat(40_000), b: "x".repeat(40_000) } }),
  },
  {
    reason: "LIMIT_EXCEEDED",
    code: "ResourceExhausted",
    metadata: limit("maxRequestBytes"),
    violations: [],
    call: (transport) => users(transport).batchGetUsers({ ids: ["x".repeat(limits.maxRequestBytes)] }),
  },
  {
    reason: "INVALID_ENUM_VALUE",
    code: "InvalidArgument",
    metadata: {},
    violations: [{ field: "mode", reason: "INVALID_ENUM_VALUE" }],
    call: (transport) => users(transport).setPreferences({ id: "u", preferences: {}, mode: unknownMode }),
  },
  {
    reason: "USER_NOT_FOUND",
    code: "NotFound",
    call: (transport) => users(transport).getUser({ id: "nobody" }),
  },
  {
    reason: "USER_NOT_FOUND",
    code: "NotFound",
    call: (transport) => users(transport).identify({ id: "nobody", properties: ada, precondition: etag("any") }),
  },
  {
    reason: "USER_ALREADY_EXISTS",
    code: "AlreadyExists",
    call: (transport) => users(transport).identify({ id: "there", properties: ada, precondition: exists(false) }),
  },
  {
    reason: "ETAG_MISMATCH",
    code: "Aborted",
    call: (transport) => users(transport).deleteUser({ id: "there", precondition: etag("another") }),
  },
  {
    reason: "INVALID_PRECONDITION",
    code: "InvalidArgument",
    metadata: {},
    violations: [{ field: "precondition", reason: "INVALID_PRECONDITION" }],
    call: (transport) => users(transport).identify({ id: "u", properties: ada, precondition: none }),
  },
  {
    reason: "INVALID_PRECONDITION",
    code: "InvalidArgument",
    metadata: {},
    violations: [{ field: "precondition.etag", reason: "INVALID_PRECONDITION" }],
    call: (transport) => users(transport).setPreferences({ id: "u", preferences: {}, precondition: etag("") }),
  },
  {
    reason: "INVALID_OBSERVED_AT",
    code: "InvalidArgument",
    metadata: limit("maxObservedAheadSeconds"),
    violations: [{ field: "observed_at", reason: "INVALID_OBSERVED_AT" }],
    call: (transport) =>
      users(transport).identify({ id: "u", properties: ada, observedAt: { seconds: 200_000_000_000n, nanos: 0 } }),
  },
  {
    reason: "INVALID_OBSERVED_AT",
    code: "InvalidArgument",
    metadata: {},
    violations: [{ field: "observed_at", reason: "INVALID_OBSERVED_AT" }],
    call: (transport) =>
      users(transport).identify({ id: "u", properties: ada, observedAt: { seconds: -1n, nanos: 0 } }),
  },
  {
    reason: "INVALID_OBSERVED_AT",
    code: "InvalidArgument",
    metadata: {},
    violations: [{ field: "observed_at", reason: "INVALID_OBSERVED_AT" }],
    call: (transport) => users(transport).identify({ id: "u", setOnce: ada, observedAt: { seconds: 1n, nanos: 0 } }),
  },
  {
    reason: "INVALID_PAGE_TOKEN",
    code: "InvalidArgument",
    metadata: {},
    violations: [{ field: "page_token", reason: "INVALID_PAGE_TOKEN" }],
    call: (transport) => users(transport).listUsers({ pageToken: "made up" }),
  },
  {
    reason: "INVALID_PAGE_SIZE",
    code: "InvalidArgument",
    metadata: {},
    violations: [{ field: "page_size", reason: "INVALID_PAGE_SIZE" }],
    call: (transport) => users(transport).listUsers({ pageSize: -1 }),
  },
  {
    reason: "NOT_IMPLEMENTED",
    code: "Unimplemented",
    call: (transport) => unary(transport, { ...getUser, name: "FindUser" }, { id: "u" }),
  },
];
