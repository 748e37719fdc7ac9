/** A call and its stream: gone before the answer is there, or slow to take it. */
import { once } from "node:events";
import { connect, constants, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { anybody } from "../../src/credentials/principal.ts";
import { GrpcCall } from "../../src/rpc/grpc/call.ts";
import { HeldBytes } from "../../src/rpc/guard/memory-budget.ts";

/** Both sides of a stream, and the call on the server's. Of what the client does not read, hardly anything is sent. */
async function openCall({ endsRequest = true, stallTimeoutMs = 60_000, onStalled = () => {} } = {}) {
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
  const ends: (ConnectError | undefined)[] = [];
  const held = new HeldBytes(1_000_000);
  const call = new GrpcCall(stream, {
    timeoutMs: undefined,
    stallTimeoutMs,
    onStalled,
    held,
    observed: { run: (work) => work(), end: () => {}, ids: () => ({ requestId: "" }) },
    report: () => {},
    presented: () => ({ authorization: undefined, certificateNames: undefined }),
    recheck: async () => anybody,
    restate: () => {},
    onEnd: (_, error) => ends.push(error),
  });
  return { request, stream, call, ends, held };
}

const envelope = Buffer.alloc(5);
const ways: Record<string, (call: GrpcCall) => unknown> = {
  answer: (call) => call.answer(envelope),
  write: (call) => call.write(envelope),
  finish: (call) => call.finish(),
  fail: (call) => call.fail(new ConnectError("too late", Code.Unavailable)),
};

test.each(Object.entries(ways))("%s does nothing on a stream that has been reset", async (_, act) => {
  const { stream, call, ends } = await openCall();
  stream.close(constants.NGHTTP2_CANCEL);
  await act(call);
  if (!stream.destroyed) await once(stream, "close");
  expect(stream.headersSent).toBe(false);
  expect(ends).toHaveLength(1);
});

test("a call that ends before anything touched its signal has the reason in it", async () => {
  const { call } = await openCall();
  const reason = new ConnectError("no", Code.Unavailable);
  call.fail(reason);
  expect(call.signal.aborted).toBe(true);
  expect(call.signal.reason).toBe(reason);
});

test("a call whose request is complete may wait for the server, and one whose request is not is ended", async () => {
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

describe("a caller who is slow to read", () => {
  const answers = Buffer.alloc(20_000);
  const unread = async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { request, stream, call } = await openCall();
    const statuses: unknown[] = [];
    request.on("trailers", (trailers) => statuses.push(trailers["grpc-status"]));
    await call.write(answers);
    return { request, stream, call, statuses };
  };

  test("gets every answer and an error that came after them, however long that takes", async () => {
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

  test("has a moment to read the answers to a call that is cut short", async () => {
    const { request, call, statuses } = await unread();
    call.cutShort(new ConnectError("too late", Code.DeadlineExceeded));
    vi.advanceTimersByTime(3_600_000);
    await once(request, "close");
    expect(request.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect(statuses).toEqual([]);
  });
});
