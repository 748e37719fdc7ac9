import { constants } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { IdentifyResponseSchema, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { createRollcallClient, RollcallError, rollcallErrorOf } from "../../src/client/index.ts";
import { withRetries } from "../../src/client/retries.ts";
import { withTypedErrors } from "../../src/client/typed-errors.ts";
import { foreignServer } from "../support/foreign-server.ts";
import { ada } from "../support/server.ts";

/** An error of the server. */
function failure(code: Code, reason: string, retryDelayMs?: number): ConnectError {
  const error = new ConnectError("no", code);
  error.details.push({ desc: ErrorInfoSchema, value: { reason, domain: "rollcall.v1", metadata: { max: "1" } } });
  if (retryDelayMs !== undefined) {
    error.details.push({ desc: RetryInfoSchema, value: { retryDelay: { seconds: 0n, nanos: retryDelayMs * 1e6 } } });
  }
  return error;
}

const unavailable = failure(Code.Unavailable, "STORE_UNAVAILABLE", 500);
const overloaded = failure(Code.ResourceExhausted, "OVERLOADED", 200);
const full = failure(Code.ResourceExhausted, "STORE_FULL");

/** A client whose calls fail with each of the errors in turn and then succeed. Time passes only while it waits. */
function clientOf(failures: (ConnectError | undefined)[], { maxAttempts = 4, msForCall = 0, random = 1 } = {}) {
  let now = 0;
  let attempts = 0;
  const waited: number[] = [];
  const answer = () => {
    now += msForCall;
    const next = failures[attempts++];
    if (next !== undefined) throw next;
    return create(IdentifyResponseSchema);
  };
  const routes = ({ rpc }: ConnectRouter) => {
    const { identify, getUser, deleteUser, setPreferences } = UserService.method;
    for (const method of [identify, getUser, deleteUser, setPreferences])
      rpc(method, () => ({ ...answer(), $typeName: undefined }) as object);
  };
  const transport = withRetries(
    withTypedErrors(createRouterTransport(routes)),
    { maxAttempts, baseDelayMs: 100, maxDelayMs: 300 },
    {
      now: () => now,
      random: () => random,
      async wait(ms, signal) {
        signal?.throwIfAborted();
        waited.push(ms);
        now += ms;
      },
    },
  );
  const client = createClient(UserService, transport);
  return { client, waited, attempts: () => attempts };
}

const user = { id: "u", properties: ada };
const errorOf = (call: Promise<unknown>) => call.then(() => expect.fail("it succeeded"), rollcallErrorOf);

test("a transient failure is retried, later and later, and not before the server asks for it", async () => {
  const { client, waited } = clientOf([unavailable, overloaded, new ConnectError("gone", Code.Unavailable)]);
  await client.identify(user);
  expect(waited).toEqual([600, 400, 300]);
});

test("the wait beyond that is random", async () => {
  const { client, waited } = clientOf([unavailable, overloaded], { random: 0.25 });
  await client.identify(user);
  expect(waited).toEqual([525, 250]);
});

test("attempts are bounded, and the call fails with the last error", async () => {
  const { client, attempts } = clientOf([unavailable, unavailable, overloaded, unavailable], { maxAttempts: 3 });
  expect(await errorOf(client.getUser({ id: "u" }))).toMatchObject({ reason: "OVERLOADED", retryDelayMs: 200 });
  expect(attempts()).toBe(3);
});

test.for([
  [full],
  [failure(Code.InvalidArgument, "INVALID_ID")],
  [failure(Code.DeadlineExceeded, "DEADLINE_EXCEEDED")],
  [failure(Code.Internal, "INTERNAL")],
] as const)("what fails for good is not called again: %s", async ([error]) => {
  const { client, attempts } = clientOf([error]);
  expect((await errorOf(client.identify(user))).code).toBe(error.code);
  expect(attempts()).toBe(1);
});

test("no attempt begins after the deadline, and each has the time that is left", async () => {
  const late = clientOf([unavailable, unavailable, unavailable], { msForCall: 100 });
  expect(await errorOf(late.client.identify(user, { timeoutMs: 1_500 }))).toMatchObject({
    reason: "STORE_UNAVAILABLE",
  });
  expect(late.waited).toEqual([600, 700].slice(0, 1));
  const inTime = clientOf([unavailable, unavailable, unavailable], { msForCall: 100 });
  await inTime.client.identify(user, { timeoutMs: 60_000 });
  expect(inTime.waited).toEqual([600, 700, 800]);
});

test("a call whose unread answer the server resets is retried, and is UNAVAILABLE in the end", async () => {
  const { url, calls } = await foreignServer((stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
  const client = createRollcallClient({ server: url, retries: { maxAttempts: 3, baseDelayMs: 1 } });
  expect((await errorOf(client.getUser({ id: "u" }))).code).toBe(Code.Unavailable);
  expect(calls()).toBe(3);
});

test("a cancelled call stops waiting", async () => {
  const stop = new AbortController();
  const { client, attempts } = clientOf([unavailable]);
  stop.abort();
  expect((await errorOf(client.identify(user, { signal: stop.signal }))).code).toBe(Code.Canceled);
  expect(attempts()).toBeLessThanOrEqual(1);
});

test("a write is not refused because of its own earlier attempt", async () => {
  const refusals = [failure(Code.Aborted, "ETAG_MISMATCH"), failure(Code.AlreadyExists, "USER_ALREADY_EXISTS")];
  for (const refusal of refusals) {
    expect(await errorOf(clientOf([unavailable, refusal]).client.identify(user))).toMatchObject({
      code: Code.Unavailable,
    });
    expect(await errorOf(clientOf([overloaded, refusal]).client.identify(user))).toMatchObject({ code: refusal.code });
  }
  const missing = failure(Code.NotFound, "USER_NOT_FOUND");
  expect((await errorOf(clientOf([unavailable, missing]).client.deleteUser({ id: "u" }))).code).toBe(Code.Unavailable);
  expect((await errorOf(clientOf([unavailable, missing]).client.setPreferences({ id: "u" }))).code).toBe(Code.NotFound);
  expect((await errorOf(clientOf([unavailable, missing]).client.getUser({ id: "u" }))).code).toBe(Code.NotFound);
});

test("an error has its details as fields, and is an error of Connect", async () => {
  const invalid = failure(Code.InvalidArgument, "INVALID_ID");
  const violation = { field: "id", reason: "INVALID_ID", description: "is required" };
  invalid.details.push({ desc: BadRequestSchema, value: { fieldViolations: [violation] } });
  const error = await errorOf(clientOf([invalid]).client.identify({ id: "" }));
  expect(error).toBeInstanceOf(RollcallError);
  expect(error).toBeInstanceOf(ConnectError);
  expect(ConnectError.from(error)).toBe(error);
  expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ domain: "rollcall.v1" }]);
  expect(error).toMatchObject({
    code: Code.InvalidArgument,
    rawMessage: "no",
    reason: "INVALID_ID",
    violations: [violation],
    reasonMetadata: { max: "1" },
    retryDelayMs: undefined,
  });
  expect(new ConnectError("another")).not.toBeInstanceOf(RollcallError);
  expect(new Error("another")).not.toBeInstanceOf(RollcallError);
});
