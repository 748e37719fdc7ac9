/** Calls whose clients go away, or are slow to read. */
import { once } from "node:events";
import { connect, constants, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { endWith, writeMessage } from "../../src/rpc/call/answer.ts";
import { piecesOf, receive } from "../../src/rpc/call/body.ts";
import { Call } from "../../src/rpc/call/call.ts";
import type { Exchange } from "../../src/rpc/exchange.ts";
import { answerGrpcError, answerHeaders, okTrailers } from "../../src/rpc/grpc/status.ts";
import { Http2Exchange } from "../../src/transport/node-http2/exchange.ts";
import { callEnvironment } from "../support/call-environment.ts";
import { until } from "../support/until.ts";

interface OpenOptions {
  readonly endsRequest?: boolean;
  readonly timeoutMs?: number | undefined;
  readonly answerError?: (exchange: Exchange, error: ConnectError) => void;
  readonly stallTimeoutMs?: number;
  readonly onStalled?: () => void;
}

/** Both sides of a stream, and its call. The client's window is small: hardly any unread bytes are sent. */
async function openCall(options: OpenOptions = {}) {
  const { endsRequest = true, timeoutMs, answerError = answerGrpcError } = options;
  const { stallTimeoutMs = 60_000, onStalled = () => {} } = options;
  const server = createServer();
  const arrived = new Promise<ServerHttp2Stream>((resolve) => server.on("stream", resolve));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1_000 } });
  const request = session.request({ ":method": "POST" }).on("error", () => {});
  if (endsRequest) request.end();
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  const stream = await arrived;
  const ends: string[] = [];
  const exchange = new Http2Exchange(stream, {}, []);
  const call = new Call(
    exchange,
    {
      method: UserService.method.getUser,
      name: "GetUser",
      scope: "users.get",
      protocol: "grpc",
      encoding: "binary",
      answerError,
    },
    timeoutMs,
    callEnvironment({
      stallTimeoutMs,
      onStalled,
      observe: () => ({ run: (work) => work(), end: (code) => ends.push(code), ids: () => ({ requestId: "" }) }),
    }),
  );
  const write = async (message: Buffer) => {
    if (!exchange.hasAnswered) exchange.begin(200, answerHeaders);
    await writeMessage(call, message);
  };
  return { request, stream, call, exchange, ends, write };
}

type OpenCall = Awaited<ReturnType<typeof openCall>>;

const envelope = Buffer.alloc(5);
const ways: Record<string, (opened: OpenCall) => unknown> = {
  "a whole answer": ({ call, exchange }) => {
    exchange.begin(200, answerHeaders);
    return endWith(call, envelope, okTrailers);
  },
  "one of several answers": ({ write }) => write(envelope),
  "an end": ({ exchange }) => exchange.end(undefined, okTrailers),
  "headers alone": ({ exchange }) => exchange.answer(200, answerHeaders),
  "an error": ({ call }) => call.fail(new ConnectError("too late", Code.Unavailable)),
};

test.each(Object.entries(ways))("%s does nothing on a stream that has been reset", async (_, act) => {
  const opened = await openCall();
  const { stream, ends } = opened;
  stream.close(constants.NGHTTP2_CANCEL);
  await act(opened);
  if (!stream.destroyed) await once(stream, "close");
  expect(stream.headersSent).toBe(false);
  expect(ends).toHaveLength(1);
});

test("a call that ended before its signal was used has the reason in it", async () => {
  const { call } = await openCall();
  const reason = new ConnectError("no", Code.Unavailable);
  call.fail(reason);
  expect(call.signal.aborted).toBe(true);
  expect(call.signal.reason).toBe(reason);
});

test("a body that ended before it is received is complete", async () => {
  const { call, stream } = await openCall();
  await until(() => stream.readableEnded);
  const whole = Promise.withResolvers<void>();
  receive(call, () => expect.fail("there is no body"), whole.resolve);
  await whole.promise;
  for await (const _ of piecesOf(call)) expect.fail("there is no body");
});

test("a call with a complete request may wait for the server, and one with an incomplete request is reset", async () => {
  const stalled: string[] = [];
  const open = (name: string, endsRequest: boolean) =>
    openCall({ endsRequest, stallTimeoutMs: 50, onStalled: () => stalled.push(name) });
  const waiting = await open("complete", true);
  if (!waiting.stream.readableEnded) await once(waiting.stream.resume(), "end");
  const unfinished = await open("unfinished", false);
  if (!unfinished.stream.closed) await once(unfinished.stream.resume(), "close");
  expect(stalled).toEqual(["unfinished"]);
  expect(waiting.stream.closed).toBe(false);
});

describe("a slow reader", () => {
  const answers = Buffer.alloc(20_000);
  const unread = async (timeoutMs?: number) => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { request, stream, call, write } = await openCall({ timeoutMs });
    const statuses: unknown[] = [];
    request.on("trailers", (trailers) => statuses.push(trailers["grpc-status"]));
    await write(answers);
    return { request, stream, call, statuses };
  };

  test("gets every answer and the error after them, however long that takes", async () => {
    const { request, stream, call, statuses } = await unread();
    call.fail(new ConnectError("no", Code.InvalidArgument));
    vi.advanceTimersByTime(3_600_000);
    expect(stream.writableLength).toBeGreaterThan(0);
    let bytes = 0;
    request.on("data", (piece: Buffer) => {
      bytes += piece.length;
    });
    await once(request, "close");
    expect({ bytes, statuses }).toEqual({ bytes: answers.length, statuses: ["3"] });
  });

  test("gets no more after its deadline, though all has been answered", async () => {
    const { request, stream, call, statuses } = await unread(30_000);
    call.end();
    call.exchange.end(undefined, okTrailers);
    vi.advanceTimersByTime(29_999);
    expect(stream.closed).toBe(false);
    vi.advanceTimersByTime(1);
    await once(request, "close");
    expect(request.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect(statuses).toEqual([]);
  });

  test("has a moment to read the error of an aborted call", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const answerError = (exchange: Exchange) => {
      exchange.begin(504, {});
      exchange.end(answers);
    };
    const { request, stream } = await openCall({ timeoutMs: 30_000, answerError });
    vi.advanceTimersByTime(30_999);
    expect(stream.closed).toBe(false);
    vi.advanceTimersByTime(1);
    await once(request, "close");
    expect(request.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  test("has a moment to read the answers of an aborted call", async () => {
    const { request, call, statuses } = await unread();
    call.abort(new ConnectError("too late", Code.DeadlineExceeded));
    vi.advanceTimersByTime(3_600_000);
    await once(request, "close");
    expect(request.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect(statuses).toEqual([]);
  });
});
