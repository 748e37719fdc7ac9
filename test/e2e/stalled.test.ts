/** Requests and answers on which nothing moves are ended, on every way in, and counted. */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { createRollcallClient } from "../../src/client/client.ts";
import { messageOf, openStream, ways } from "../support/grpc-streams.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";

const { getUser } = UserService.method;
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ limits: { stallTimeoutMs: 100 } });
});
afterAll(() => server.stop());

const stalled = async () => (await server.metric('rollcall_requests_cut_off_total{rollcall_reason="stalled"}')) ?? 0;

test.each(Object.entries(ways))("gRPC %s: a request that does not go on", async (_, way) => {
  const before = await stalled();
  const session = connectHttp2(server.url);
  const stream = openStream(session, getUser, way).on("error", () => {});
  stream.write(messageOf(getUser, { id: "half" }).subarray(0, 5));
  await once(stream.resume(), "close");
  expect(await stalled()).toBeGreaterThan(before);
  session.destroy();
});

test.each(Object.entries(ways))("gRPC %s: an answer that nobody reads", async (_, way) => {
  await createRollcallClient(server.url).identify({ id: "long", properties: { ...ada, text: "x".repeat(60_000) } });
  const before = await stalled();
  const session = connectHttp2(server.url, { settings: { initialWindowSize: 1_000 } });
  const stream = openStream(session, getUser, way).on("error", () => {});
  stream.end(messageOf(getUser, { id: "long" }));
  await new Promise((resolve) => stream.once("close", resolve));
  expect(await stalled()).toBeGreaterThan(before);
  session.destroy();
});

test("HTTP/1.1: a request that does not go on", async () => {
  const before = await stalled();
  const socket = connectTcp(server.port, "127.0.0.1").on("error", () => {});
  socket.write("POST /rollcall.v1.UserService/GetUser HTTP/1.1\r\nHost: localhost\r\n");
  // Not one byte of it: of what has arrived, the caller would be told that there was no room for it.
  socket.write("Content-Type: application/json\r\nContent-Length: 100\r\n\r\n");
  await once(socket.resume(), "close");
  expect(await stalled()).toBe(before + 1);
});
