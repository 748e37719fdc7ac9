import { once } from "node:events";
import { createServer, type Http2Server } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { Code } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { ClosingSessions } from "../../src/client/closing-sessions.ts";
import { type ClientOptions, createRollcallClient, rollcallErrorOf } from "../../src/client/index.ts";

/** A scripted HTTP/2 server, and a client of it. */
async function against(onCall: Parameters<typeof withCalls>[1], options: Partial<ClientOptions> = {}) {
  const server = createServer();
  onTestFinished(() => void server.close());
  const seen = withCalls(server, onCall);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { seen, client: createRollcallClient({ server: url, retries: { baseDelayMs: 1 }, ...options }) };
}

function withCalls(server: Http2Server, onCall: "answer NOT_FOUND" | "cut the connection") {
  const seen: { authorization: unknown; timeout: unknown }[] = [];
  server.on("stream", (stream, headers) => {
    seen.push({ authorization: headers["authorization"], timeout: headers["grpc-timeout"] });
    stream.on("error", () => {});
    if (onCall === "cut the connection") stream.session?.socket.destroy();
    else
      stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "5" }, { endStream: true });
  });
  return seen;
}

const get = (client: ReturnType<typeof createRollcallClient>, timeoutMs?: number) =>
  client
    .getUser({ id: "u" }, timeoutMs === undefined ? {} : { timeoutMs })
    .then(() => expect.fail("it succeeded"), rollcallErrorOf);

test("a unary call has a deadline: its own, the client's, or ten seconds", async () => {
  const { client, seen } = await against("answer NOT_FOUND");
  await get(client);
  await get(client, 1_000);
  await get(client, 0);
  const [ten, own, none] = seen.map(({ timeout }) => timeout);
  expect([ten, own, none]).toEqual(["10000m", "1000m", undefined]);
  const other = await against("answer NOT_FOUND", { timeoutMs: 2_000 });
  await get(other.client);
  expect(other.seen[0]?.timeout).toBe("2000m");
});

test("every attempt sends its deadline in whole milliseconds", async () => {
  const { client, seen } = await against("cut the connection");
  await get(client, 5_000.25);
  expect(seen).toHaveLength(4);
  const [first, ...others] = seen.map(({ timeout }) => timeout);
  expect(first).toBe("5001m");
  for (const timeout of others) expect(timeout).toMatch(/^\d{1,4}m$/);
});

test("a stream only has a deadline of its own", async () => {
  const { client, seen } = await against("answer NOT_FOUND");
  async function* nothing() {}
  await expect(client.batchIdentify(nothing())[Symbol.asyncIterator]().next()).rejects.toThrow("not_found");
  expect(seen[0]?.timeout).toBeUndefined();
});

test("each attempt calls the token function", async () => {
  let tokens = 0;
  const { client, seen } = await against("cut the connection", { token: async () => `t${++tokens}` });
  expect((await get(client)).code).toBe(Code.Unavailable);
  expect(seen.map(({ authorization }) => authorization)).toEqual(["Bearer t1", "Bearer t2", "Bearer t3", "Bearer t4"]);
});

test("a lost connection is UNAVAILABLE, and without retries the call fails at once", async () => {
  const { client, seen } = await against("cut the connection", { retries: false });
  expect(await get(client)).toMatchObject({ code: Code.Unavailable, reason: undefined });
  expect(seen).toHaveLength(1);
  const nowhere = createRollcallClient({ server: "http://127.0.0.1:1", retries: false });
  expect((await get(nowhere)).code).toBe(Code.Unavailable);
});

test.each([
  ["http://[::1]:50051", "[::1]:50051"],
  ["http://[::1]", "[::1]:80"],
  ["http://users.example:50051", "users.example:50051"],
])("a server at %s is named %s", async (url, authority) => {
  const server = createServer();
  onTestFinished(() => void server.close());
  const named: unknown[] = [];
  server.on("stream", (stream, headers) => {
    named.push(headers[":authority"]);
    stream.respond({ ":status": 200 }, { endStream: true });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sessions = new ClosingSessions(url, {}, { createConnection: () => connect({ host: "127.0.0.1", port }) });
  const stream = await sessions.request("POST", "/", {}, {});
  stream.on("error", () => {}).end();
  await once(stream, "response");
  sessions.abort();
  expect(named).toEqual([authority]);
});
