/** Calls that fail inside the server. */
import { once } from "node:events";
import { connect, constants, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { createGrpcHandler, type GrpcMethod } from "../../src/rpc/grpc/handler.ts";
import { Turns } from "../../src/rpc/guard/turns.ts";
import { Http2Exchange } from "../../src/transport/node-http2/exchange.ts";
import { callEnvironment } from "../support/call-environment.ts";
import { enveloped, openStream } from "../support/grpc-streams.ts";
import { until } from "../support/until.ts";

const { getUser, batchIdentify } = UserService.method;
const envelope = enveloped(Buffer.alloc(3));

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

interface OpenOptions {
  readonly onEnd?: () => void;
  readonly turns?: Turns;
}

/** Begins a call, and collects what the server reports. */
async function open(method: GrpcMethod, { onEnd = () => {}, turns = new Turns() }: OpenOptions = {}) {
  const reports: unknown[] = [];
  const environment = callEnvironment({
    observe: () => ({ run: (work) => work(), end: onEnd, ids: () => ({ requestId: "" }) }),
    report: (failure) => reports.push(failure),
  });
  const handle = createGrpcHandler([method], environment, turns);
  const server = createServer()
    .on("stream", (stream, headers, _, rawHeaders) => handle(new Http2Exchange(stream, headers, rawHeaders)))
    .listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  stops.push(
    () => session.destroy(),
    () => server.close(),
  );
  const stream = openStream(session, method.method, {}).on("error", () => {});
  return { stream, reports };
}

/** Calls a method once. Resolves with what its caller sees, and what the server reports. */
async function call(method: GrpcMethod, onEnd?: () => void) {
  const { stream, reports } = await open(method, onEnd && { onEnd });
  const headers = new Headers();
  const see = (sent: object) => {
    for (const [name, value] of Object.entries(sent)) if (!name.startsWith(":")) headers.set(name, String(value));
  };
  const pieces: Buffer[] = [];
  stream.on("response", see).on("trailers", see);
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  stream.end(envelope);
  await new Promise((resolve) => stream.on("close", resolve));
  const error = findTrailerError(headers);
  return {
    code: error?.code,
    reasons: error?.findDetails(ErrorInfoSchema).map(({ reason }) => reason),
    answers: Buffer.concat(pieces),
    reset: stream.rstCode,
    reports,
  };
}

const unary = (serve: () => Promise<Buffer>): GrpcMethod => ({
  kind: "unary",
  method: getUser,
  scope: "users.get",
  serve,
});
const bidi = (serve: () => AsyncGenerator<Buffer>): GrpcMethod => ({
  kind: "stream",
  method: batchIdentify,
  scope: "users.write",
  serve,
});
const unforeseen = new TypeError("private");

describe("an unexpected failure is INTERNAL with its reason, and reported", () => {
  const internal = { code: 13, reasons: ["INTERNAL"], reports: [unforeseen] };

  test.each<[string, GrpcMethod]>([
    [
      "at once",
      unary(() => {
        throw unforeseen;
      }),
    ],
    ["later", unary(() => Promise.reject(unforeseen))],
  ])("in a unary call, %s", async (_, method) => {
    const seen = await call(method);
    expect(seen).toMatchObject(internal);
    expect(seen.answers).toHaveLength(0);
  });

  test("in a stream, after its answers", async () => {
    const seen = await call(
      bidi(async function* () {
        yield envelope;
        throw unforeseen;
      }),
    );
    expect(seen).toMatchObject(internal);
    expect(seen.answers).toEqual(envelope);
  });
});

describe("a call whose answer cannot be written is reset, and reported", () => {
  const broken = new Error("nothing works");
  const onEnd = () => {
    throw broken;
  };

  test.each<[string, GrpcMethod]>([
    ["a unary call with an answer", unary(async () => envelope)],
    ["a unary call with an error", unary(() => Promise.reject(unforeseen))],
    [
      "a stream with an answer",
      bidi(async function* () {
        yield envelope;
      }),
    ],
    [
      "a stream with an error",
      bidi(async function* () {
        yield envelope;
        throw unforeseen;
      }),
    ],
  ])("%s", async (_, method) => {
    const seen = await call(method, onEnd);
    expect(seen).toMatchObject({ code: undefined, reset: constants.NGHTTP2_INTERNAL_ERROR });
    expect(seen.reports).toContain(broken);
  });
});

test("a call that ends while it waits for its turn is not served", async () => {
  let beginTurn = () => {};
  const turns = new Turns(1, (callback) => {
    beginTurn = callback;
  });
  await turns.take(2);
  const asked = vi.spyOn(turns, "take");
  let served = 0;
  const ended = Promise.withResolvers<void>();
  const count = unary(async () => {
    served++;
    return envelope;
  });
  const { stream, reports } = await open(count, { onEnd: ended.resolve, turns });
  stream.end(enveloped(Buffer.alloc(64 * 1024)));
  await until(() => asked.mock.calls.length > 0);
  stream.close(constants.NGHTTP2_CANCEL);
  await ended.promise;
  beginTurn();
  await new Promise(setImmediate);
  expect({ served, reports }).toEqual({ served: 0, reports: [] });
});
