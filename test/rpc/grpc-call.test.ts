/** A call whose stream is gone before its answer is there. */
import { once } from "node:events";
import { connect, constants, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { GrpcCall } from "../../src/rpc/grpc/call.ts";

/** The server's side of a stream, and the call on it. */
async function openCall() {
  const server = createServer();
  const arrived = new Promise<ServerHttp2Stream>((resolve) => server.on("stream", resolve));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  session
    .request({ ":method": "POST" })
    .on("error", () => {})
    .end();
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  const stream = await arrived;
  const ends: (ConnectError | undefined)[] = [];
  const call = new GrpcCall(stream, {
    timeoutMs: undefined,
    restate: () => {},
    onEnd: (_, error) => ends.push(error),
  });
  return { stream, call, ends };
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
