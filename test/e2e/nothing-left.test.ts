/**
 * After any mix of calls, good and bad, nothing of them is left: no memory that counts, no call under way, no work that waits,
 * no place that is taken.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as requestHttp1 } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex, Readable } from "node:stream";
import { create, type DescMethod, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { compressionGzip, createGrpcTransport } from "@connectrpc/connect-node";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BatchReport, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { createRollcallClient } from "../../src/client/client.ts";
import { type CallEncoding, encodedCall } from "../support/raw-calls.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { switchIndexes } from "../support/switch-indexes.ts";
import { until } from "../support/until.ts";

/** Small enough to be reached by a mix. */
const limits = {
  maxCalls: 8,
  maxStreams: 4,
  maxArriving: 12,
  maxOpenRequests: 6,
  maxHeldBytes: 1_000_000,
  maxBatchWorkBytes: 200_000,
  stallTimeoutMs: 400,
};
const token = "a-token";
const authorization = `Bearer ${token}`;

let directory: string;
let server: TestServer;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-nothing-left-"));
  const credentials = join(directory, "credentials.json");
  const sha256 = createHash("sha256").update(token).digest("hex");
  const scopes = ["users.read", "users.write", "users.delete"];
  writeFileSync(credentials, JSON.stringify({ tokens: [{ name: "mix", sha256, scopes }] }));
  const store = `sqlite:${join(directory, "users.db")}`;
  server = await startTestServer({ store, limits, access: { credentials } });
  const client = createRollcallClient({ server: server.url, token });
  for (const id of ids) await client.identify({ id, properties: { ...ada, text: "x".repeat(60_000) } });
  const transport = createGrpcTransport({ baseUrl: server.url });
  await switchIndexes(store, "email:fold", { transport, headers: { authorization } });
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true });
});

const ids = Array.from({ length: 8 }, (_, at) => `there-${at}`);
const properties = { ...ada, text: "x".repeat(20_000) };
const requests = Array.from({ length: 30 }, (_, at) => ({ id: at % 3 === 0 ? "" : `batch-${at}`, properties: ada }));

interface Asked {
  readonly method: DescMethod;
  readonly message: unknown;
}
const ask = <Method extends DescMethod>(method: Method, message: MessageInitShape<Method["input"]>): Asked => ({
  method,
  message,
});
const {
  identify,
  getUser,
  batchIdentify,
  identifyUsers,
  batchGetUsers,
  listUsers,
  findUsers,
  countUsers,
  scanUsers,
  setPreferences,
  deleteUser,
  getRegistry,
} = UserService.method;
const asked: readonly Asked[] = [
  ask(identify, { id: "one", properties }),
  ask(identify, { id: "", properties }),
  ask(getUser, { id: "there-0" }),
  ask(getUser, { id: "nobody" }),
  ask(batchIdentify, { requests, report: BatchReport.ALL }),
  ask(batchIdentify, { requests: [], report: 99 as BatchReport }),
  ask(identifyUsers, { requests, report: BatchReport.ALL }),
  ask(identifyUsers, { requests: [], report: 99 as BatchReport }),
  ask(batchGetUsers, { ids }),
  ask(listUsers, { pageSize: 1_000 }),
  ask(listUsers, { pageToken: "none" }),
  ask(findUsers, { match: { property: "email", condition: { case: "startsWith", value: "ada@" } } }),
  ask(findUsers, {}),
  ask(countUsers, { match: { property: "email", condition: { case: "present", value: true } } }),
  ask(scanUsers, { where: { properties: ada }, pageSize: 1_000 }),
  ask(scanUsers, { pageToken: "none" }),
  ask(setPreferences, { id: "there-1", preferences: { text: "x".repeat(5_000) } }),
  ask(deleteUser, { id: "one", allowMissing: true }),
  ask(getRegistry, {}),
  ask(Health.method.check, {}),
  ask(Health.method.list, {}),
  ask(Health.method.watch, {}),
  ask(ServerReflection.method.serverReflectionInfo, { messageRequest: { case: "listServices", value: "" } }),
];

const wires = (["grpc", "grpc-web", "connect"] as const).flatMap((protocol) =>
  (["binary", "json"] as const).flatMap((encoding) =>
    [false, true].flatMap((isCompressed) =>
      (["1.1", "2"] as const).map((version) => ({ protocol, encoding, isCompressed, version })),
    ),
  ),
);

/** What is done with a request and its answer. */
const manners = [
  "good",
  "slow",
  "nobody",
  "cut short",
  "garbage",
  "deadline",
  "left at once",
  "left within the request",
  "left before the answer",
  "left within the answer",
  "stuck",
  "not read",
] as const;

interface Call extends Asked {
  readonly wire: CallEncoding & { readonly version: "1.1" | "2" };
  readonly manner: (typeof manners)[number];
}
const call: fc.Arbitrary<Call> = fc
  .record({ asked: fc.constantFrom(...asked), wire: fc.constantFrom(...wires), manner: fc.constantFrom(...manners) })
  .map(({ asked, ...rest }) => ({ ...asked, ...rest }));

function encode({ method, message, wire, manner }: Call) {
  const request = create(method.input, message as MessageInitShape<typeof method.input>);
  const bytes =
    wire.encoding === "json" ? Buffer.from(toJsonString(method.input, request)) : toBinary(method.input, request);
  const encoded = encodedCall(method, manner === "garbage" ? bytes.map((byte) => byte ^ 0xa5) : bytes, wire);
  const timeout = wire.protocol === "connect" ? { "connect-timeout-ms": "2" } : { "grpc-timeout": "2m" };
  const headers: Record<string, string> = {
    te: "trailers",
    ...encoded.headers,
    ...(manner === "nobody" ? {} : { authorization }),
    ...(manner === "deadline" ? timeout : {}),
  };
  // Of what is compressed, the end is not as it should be.
  const body = Buffer.from(encoded.body);
  if (manner === "garbage" && wire.isCompressed) body.fill(0, body.length >> 1);
  return { path: encoded.path, headers, body };
}

/** Resolves when the request and its answer are over. */
function play(session: ClientHttp2Session, asked: Call): Promise<void> {
  const { path, headers, body } = encode(asked);
  const { wire, manner } = asked;
  return new Promise((resolve) => {
    const begin = (): { request: Duplex | ReturnType<typeof requestHttp1>; leave: () => void } => {
      if (wire.version === "2" && !session.destroyed) {
        const stream = session.request({ ":method": "POST", ":path": path, ...headers });
        stream.on("response", () => onAnswer(stream));
        return { request: stream, leave: () => void stream.destroy() };
      }
      const request = requestHttp1(`${server.url}${path}`, { method: "POST", headers, agent: false });
      request.on("response", onAnswer).flushHeaders();
      return { request, leave: () => request.destroy() };
    };
    const onAnswer = (answer: Readable) => {
      answer.on("error", () => {});
      if (manner === "not read") {
        answer.pause();
        afterTurns(20, leave);
        return;
      }
      answer.on("data", () => {
        if (manner === "left within the answer" || isEndless(asked)) leave();
      });
      answer.resume();
    };
    const { request, leave } = begin();
    request.on("error", () => {}).once("close", () => resolve());
    const half = body.subarray(0, body.length >> 1);
    const send = async () => {
      if (manner === "slow") {
        for (let at = 0; at < body.length && request.writable; at += 1 + (body.length >> 3)) {
          request.write(body.subarray(at, at + 1 + (body.length >> 3)));
          await new Promise(setImmediate);
        }
        request.end();
      } else if (manner === "cut short") request.end(half);
      else if (manner === "stuck") request.write(half);
      else if (manner === "left within the request") request.write(half, () => setImmediate(leave));
      else {
        request.end(body);
        if (manner === "left at once") leave();
        else if (manner === "left before the answer") request.once("finish", () => setImmediate(leave));
      }
    };
    send().catch(() => {});
  });
}

function afterTurns(turns: number, act: () => void): void {
  if (turns === 0) act();
  else setImmediate(() => afterTurns(turns - 1, act));
}

/** A Watch goes on until its caller leaves. */
function isEndless({ method }: Asked): boolean {
  return method === Health.method.watch;
}

const nothingLeft = () =>
  until(async () => {
    const names = ["rollcall_held", "rollcall_batch_work", "rollcall_batch_waiting", "rollcall_calls_in_flight"];
    const lines = (await server.metrics()).split("\n");
    for (const name of names) {
      const values = lines
        .filter((line) => line.match(/^\w+/)?.[0] === name)
        .map((line) => Number(line.split(" ").at(-1)));
      expect(values.length, name).toBeGreaterThan(0);
      expect(values, name).toEqual(values.map(() => 0));
    }
  });

test("after any mix of calls nothing is held, under way or waiting", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 10, maxLength: 40 }), fc.boolean(), async (calls, breaks) => {
      const session = connect(server.url).on("error", () => {});
      const played = calls.map((asked) => play(session, asked));
      if (breaks) {
        await Promise.race(played);
        session.destroy();
      }
      await Promise.all(played);
      session.destroy();
      await nothingLeft();
    }),
    // A server that has kept something would fail every smaller mix.
    { numRuns: 20, endOnFailure: true },
  );
  const cutOff = () => server.metric('rollcall_requests_cut_off_total{rollcall_reason="oldest"}');
  const before = await cutOff();
  // Every place is free.
  const stop = new AbortController();
  const open = () =>
    createGrpcTransport({ baseUrl: server.url, sendCompression: compressionGzip, compressMinBytes: 0 });
  const streams = Array.from({ length: limits.maxStreams }, async () => {
    const headers = { authorization };
    async function* endless() {
      yield {};
      await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
    }
    const answers = createClient(UserService, open()).batchIdentify(endless(), { headers, signal: stop.signal });
    return answers[Symbol.asyncIterator]().next();
  });
  expect(await Promise.all(streams)).toEqual(streams.map(() => expect.objectContaining({ done: false })));
  const watchers = Array.from({ length: limits.maxOpenRequests }, () =>
    createClient(Health, open()).watch({}, { signal: stop.signal })[Symbol.asyncIterator]().next(),
  );
  expect(await Promise.all(watchers)).toEqual(watchers.map(() => expect.objectContaining({ done: false })));
  expect(await cutOff()).toBe(before);
  stop.abort();
  await nothingLeft();
});
