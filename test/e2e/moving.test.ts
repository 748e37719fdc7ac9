/** What moves is not ended as stalled, however little it holds to, on every way in. */
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request as requestHttp1 } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, type DescMethod, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "#gen-server/health/v1/health_pb.js";
import { createRollcallClient } from "../../src/client/client.ts";
import { enveloped, messageOf, openStream } from "../support/grpc-streams.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const { batchIdentify, getUser, identify, listUsers } = UserService.method;
const { serverReflectionInfo } = ServerReflection.method;
/** Long enough for a busy machine to move something between two looks, which come twice as often. */
const limits = { stallTimeoutMs: 2_000 };

let server: TestServer;
let session: ClientHttp2Session;
beforeAll(async () => {
  server = await startTestServer({ limits });
  session = connect(server.url);
});
afterAll(async () => {
  session.destroy();
  await server.stop();
});

/**
 * Takes a step again and again until two requests, one after the other, that do not go on have been ended, each after two
 * looks: whatever has not moved either is ended too.
 */
async function acrossLooks(step: () => unknown = () => {}): Promise<void> {
  let looked = false;
  const looks = looksTaken().then(() => {
    looked = true;
  });
  await until(async () => {
    await step();
    return looked;
  });
  await looks;
}

async function looksTaken(): Promise<void> {
  for (let time = 0; time < 2; time++) {
    const stalled = openStream(session, getUser, {}).on("error", () => {});
    stalled.write(messageOf(getUser, { id: "half" }).subarray(0, 7));
    await once(stalled.resume(), "close");
  }
}

interface Protocol {
  readonly name: string;
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly isJson?: boolean;
  readonly isGzip?: boolean;
  /** Whether a unary call's message has no prefix. */
  readonly isBare?: boolean;
  readonly version?: "1.1";
}
const streaming: readonly Protocol[] = [
  { name: "gRPC", type: "application/grpc" },
  { name: "gRPC, gzip", type: "application/grpc", headers: { "grpc-encoding": "gzip" }, isGzip: true },
  { name: "gRPC-Web", type: "application/grpc-web+proto" },
  { name: "Connect", type: "application/connect+proto" },
  { name: "Connect JSON", type: "application/connect+json", isJson: true },
];
const unary: readonly Protocol[] = [
  ...streaming.slice(0, 3),
  { name: "gRPC-Web, HTTP/1.1", type: "application/grpc-web+proto", version: "1.1" },
  { name: "Connect", type: "application/proto", isBare: true },
  { name: "Connect JSON, HTTP/1.1", type: "application/json", isJson: true, isBare: true, version: "1.1" },
];

function bytesOf<Method extends DescMethod>(method: Method, init: MessageInitShape<Method["input"]>, how: Protocol) {
  const message = create(method.input, init);
  const bytes = how.isJson ? Buffer.from(toJsonString(method.input, message)) : toBinary(method.input, message);
  if (how.isBare) return Buffer.from(bytes);
  return how.isGzip ? enveloped(gzipSync(bytes), 1) : enveloped(bytes);
}

/** A request that is sent and answered bit by bit. */
interface Exchange {
  readonly request: ClientRequest | ClientHttp2Stream;
  readonly answer: Promise<IncomingMessage | ClientHttp2Stream>;
  readonly isOver: () => boolean;
}

type Finish = (end: () => void) => void;

function begin(
  method: DescMethod,
  { type, headers, version }: Protocol,
  onTestFinished: Finish,
  on: ClientHttp2Session = session,
): Exchange {
  if (version === undefined) {
    const stream = openStream(on, method, { "content-type": type, ...headers }).on("error", () => {});
    onTestFinished(() => void stream.destroy());
    return { request: stream, answer: Promise.resolve(stream), isOver: () => stream.destroyed };
  }
  const path = `/${method.parent.typeName}/${method.name}`;
  const options = { method: "POST", path, headers: { "content-type": type }, agent: false };
  const request = requestHttp1(server.url, options).on("error", () => {});
  onTestFinished(() => void request.destroy());
  const answer = once(request, "response").then(([response]) => response as IncomingMessage);
  answer.catch(() => {});
  return { request, answer, isOver: () => request.destroyed };
}

/** Does the same over each protocol, at one time, and expects that none of them is cut off. */
async function overEach(protocols: readonly Protocol[], exchange: (how: Protocol) => Promise<boolean>): Promise<void> {
  const ends = await Promise.all(protocols.map(async (how) => [how.name, await exchange(how)] as const));
  expect(Object.fromEntries(ends)).toEqual(Object.fromEntries(protocols.map(({ name }) => [name, true])));
}

test.concurrent.for<[string, DescMethod, (how: Protocol) => Buffer]>([
  ["an import", batchIdentify, (how) => bytesOf(batchIdentify, { requests: [{ id: "" }] }, how)],
  [
    "reflection",
    serverReflectionInfo,
    (how) => bytesOf(serverReflectionInfo, { messageRequest: { case: "listServices", value: "" } }, how),
  ],
])("%s of which as much waits after each answer goes on", async ([, method, encode], { onTestFinished }) => {
  await overEach(streaming, async (how) => {
    const { request, answer, isOver } = begin(method, how, onTestFinished);
    const message = encode(how);
    const half = Math.floor(message.length / 2);
    let bytes = 0;
    (await answer).on("data", (piece: Buffer) => (bytes += piece.length));
    request.write(message.subarray(0, half));
    await acrossLooks(async () => {
      const before = bytes;
      request.write(Buffer.concat([message.subarray(half), message.subarray(0, half)]));
      await until(() => bytes > before || isOver());
    });
    if (isOver()) return false;
    const before = bytes;
    request.end(message.subarray(half));
    await until(() => bytes > before);
    return true;
  });
});

test.concurrent("a request that comes a byte at a time goes on", async ({ onTestFinished }) => {
  // It stays long where it is compressed.
  const text = Buffer.from(Array.from({ length: 9_000 }, (_, at) => (at * at * 7_919) % 251)).toString("base64");
  await overEach(unary, async (how) => {
    const { request, answer, isOver } = begin(identify, how, onTestFinished);
    const body = bytesOf(identify, { id: "trickle", properties: { ...ada, text } }, how);
    let at = 0;
    await acrossLooks(() => !isOver() && request.write(body.subarray(at, ++at)));
    if (isOver()) return false;
    request.end(body.subarray(at));
    await once((await answer).resume(), "end");
    return true;
  });
});

/** So slowly that an answer lasts across the looks, and several times as fast as it has to be read. */
const slowBytesPerMs = 600;

test.concurrent("an answer that is read slowly goes on", async ({ onTestFinished }) => {
  const users = 48;
  const client = createRollcallClient(server.url);
  const properties = { ...ada, text: "x".repeat(60_000) };
  for (let at = 0; at < users; at++) await client.identify({ id: `large-${at}`, properties });
  // Of what is not read, little is sent, and it is sent as it is.
  const plain = { "grpc-accept-encoding": "identity", "accept-encoding": "identity" };
  await overEach(unary, async (how) => {
    const slow = connect(server.url, { settings: { initialWindowSize: 256 * 1024 } });
    onTestFinished(() => slow.destroy());
    const { request, answer } = begin(
      listUsers,
      { ...how, headers: { ...how.headers, ...plain } },
      onTestFinished,
      slow,
    );
    request.end(bytesOf(listUsers, { pageSize: users }, how));
    const readable = await answer;
    let bytes = 0;
    let hasEnded = false;
    readable.on("end", () => (hasEnded = true)).on("error", () => {});
    const beganAt = performance.now();
    await acrossLooks(() => {
      while (bytes < (performance.now() - beganAt) * slowBytesPerMs) {
        const piece: Buffer | null = readable.read();
        if (piece === null) return;
        bytes += piece.length;
      }
    });
    readable.on("data", (piece: Buffer) => (bytes += piece.length));
    await until(() => hasEnded || readable.destroyed);
    return bytes > users * 60_000;
  });
});

test.concurrent("who watches over health waits until it changes", async ({ onTestFinished }) => {
  const watched = await startTestServer({ limits });
  onTestFinished(() => watched.stop());
  const baseUrl = watched.url;
  const transports: Record<string, Transport> = {
    gRPC: createGrpcTransport({ baseUrl }),
    "gRPC, gzip": createGrpcTransport({ baseUrl, sendCompression: compressionGzip, compressMinBytes: 0 }),
    "gRPC-Web, HTTP/1.1": createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    "gRPC-Web, HTTP/2": createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
    "Connect, HTTP/1.1": createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    "Connect, HTTP/2": createConnectTransport({ baseUrl, httpVersion: "2" }),
  };
  const seen: Record<string, string[]> = Object.fromEntries(Object.keys(transports).map((name) => [name, []]));
  const all = (expected: unknown) => Object.fromEntries(Object.keys(transports).map((name) => [name, expected]));
  const watching = Object.entries(transports).map(async ([name, transport]) => {
    try {
      const health = createClient(Health, transport);
      for await (const { status } of health.watch({})) seen[name]?.push(ServingStatus[status]);
    } catch (error) {
      seen[name]?.push(Code[ConnectError.from(error).code] ?? "");
    }
  });
  await until(() => Object.values(seen).every((statuses) => statuses.length > 0));
  await acrossLooks();
  expect(seen).toEqual(all(["SERVING"]));
  await watched.drain();
  await Promise.all(watching);
  expect(seen).toEqual(all(["SERVING", "NOT_SERVING", "Unavailable"]));
});
