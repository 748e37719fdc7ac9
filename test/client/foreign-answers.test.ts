/** Answers of proxies, which are not gRPC. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientHttp2Stream, ServerHttp2Stream } from "node:http2";
import { Code } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { createRollcallClient, rollcallErrorOf } from "../../src/client/index.ts";
import { foreignServer, foreignThread, page } from "../support/foreign-server.ts";
import { enveloped } from "../support/grpc-streams.ts";
import { until } from "../support/until.ts";

/** The client streams that this process opens during a test. */
function clientStreams(): readonly ClientHttp2Stream[] {
  const channel = "http2.client.stream.created";
  const streams: ClientHttp2Stream[] = [];
  const onCreated = (message: unknown) => streams.push((message as { stream: ClientHttp2Stream }).stream);
  subscribe(channel, onCreated);
  onTestFinished(() => void unsubscribe(channel, onCreated));
  return streams;
}

const failureOf = (call: Promise<unknown>) => call.then(() => expect.fail("it succeeded"), rollcallErrorOf);
async function* oneMessage() {
  yield { requests: [{ id: "u" }] };
}

test.for([
  [301, { location: "https://other.example/rollcall.v1.UserService/GetUser" }, Code.Unknown],
  [401, {}, Code.Unauthenticated],
  [403, {}, Code.PermissionDenied],
  [404, {}, Code.Unimplemented],
  [429, {}, Code.Unavailable],
  [500, {}, Code.Unknown],
  [502, {}, Code.Unavailable],
  [503, {}, Code.Unavailable],
  [504, {}, Code.Unavailable],
  [200, {}, Code.Unknown],
] as const)(
  "a call with the answer HTTP %i fails with that status, and leaves no stream open",
  async ([status, headers, code]) => {
    const streams = clientStreams();
    const { url } = await foreignServer(page(status, headers));
    const client = createRollcallClient({ server: url, retries: false });
    for (let n = 0; n < 20; n++) {
      const failure = await failureOf(client.getUser({ id: "u" }));
      expect(failure).toMatchObject({ code, reason: undefined });
      expect(failure.rawMessage).toMatch(
        new RegExp(`^the server answered HTTP ${status}\\b.*, which is not Rollcall's`),
      );
      if (status === 301) expect(failure.rawMessage).toContain("redirects to https://other.example,");
      if (status === 200) expect(failure.rawMessage).toContain("text/html");
    }
    const streamed = await failureOf(client.batchIdentify(oneMessage())[Symbol.asyncIterator]().next());
    expect(streamed.code).toBe(code);
    expect(streams).toHaveLength(21);
    await until(() => streams.every((stream) => stream.destroyed));
  },
);

test("a call with the answer HTTP 502 is retried, and each attempt's stream is closed", async () => {
  const streams = clientStreams();
  const { url, calls } = await foreignServer(page(502));
  const client = createRollcallClient({ server: url, retries: { maxAttempts: 4, baseDelayMs: 1 } });
  expect((await failureOf(client.getUser({ id: "u" }))).code).toBe(Code.Unavailable);
  expect([calls(), streams.length]).toEqual([4, 4]);
  await until(() => streams.every((stream) => stream.destroyed));
});

test.for([
  [
    "a page that does not end",
    (stream: ServerHttp2Stream) => {
      stream.respond({ ":status": 503, "content-type": "text/html" });
      stream.write("x".repeat(100_000));
    },
  ],
  [
    "gRPC in an encoding that was not requested",
    (stream: ServerHttp2Stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-encoding": "other" });
      stream.end(enveloped(Buffer.alloc(10), 1));
    },
  ],
  [
    "an error in the headers, and a body",
    (stream: ServerHttp2Stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "5" });
      stream.end(enveloped(Buffer.alloc(0)));
    },
  ],
] as const)("%s leaves no stream open", async ([, answer]) => {
  const streams = clientStreams();
  const { url } = await foreignServer(answer);
  const client = createRollcallClient({ server: url, retries: false });
  await failureOf(client.getUser({ id: "u" }));
  await failureOf(client.batchIdentify(oneMessage())[Symbol.asyncIterator]().next());
  await until(() => streams.every((stream) => stream.destroyed));
});

test("thousands of answers to calls that are ending leave the connection open", async () => {
  const client = createRollcallClient({ server: await foreignThread(), retries: false });
  const messages = new Set<string>();
  for (let n = 0; n < 3_000; n++) messages.add((await failureOf(client.getUser({ id: "u" }))).rawMessage);
  expect([...messages]).toEqual([expect.stringContaining("HTTP 502")]);
});

test("a call that its caller cancels is reset with CANCEL", async () => {
  const resets: number[] = [];
  const { url, calls } = await foreignServer((stream) => {
    stream.on("close", () => resets.push(stream.rstCode));
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.write("x");
  });
  const client = createRollcallClient({ server: url, retries: false });
  const stop = new AbortController();
  const call = failureOf(client.getUser({ id: "u" }, { signal: stop.signal }));
  await until(() => calls() === 1);
  stop.abort();
  expect((await call).code).toBe(Code.Canceled);
  expect(await until(() => resets.length > 0 && resets)).toEqual([8]);
});
