/** What the operator is told of HTTP/2 connections that the server ends: a metric, and a line of the log. */
import { expect, onTestFinished, test } from "vitest";
import { frame } from "../support/http2-frames.ts";
import { RawHttp2Client } from "../support/http2-raw-client.ts";
import { startTestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const ping = frame("ping", 0, 0, Buffer.alloc(8));
const data = frame("data", 0, 1);
const unknown = frame("ping", 0, 0);
unknown[3] = 99;

test.each([
  ["control_frames", Buffer.alloc(100 * ping.length, ping)],
  ["idle_frames", Buffer.alloc(2_000 * unknown.length, unknown)],
  ["protocol", data],
])("%s: each is counted by its reason, and told of at the level debug", async (reason, frames) => {
  const server = await startTestServer({ http2: "own" });
  onTestFinished(() => server.stop());
  const client = await RawHttp2Client.connect(server.port);
  expect(await server.metric("rollcall_connections")).toBe(1);
  client.send(frames);
  await until(() => client.isClosed);
  await until(async () => (await server.metric("rollcall_connections")) === 0);
  expect(await server.metric(`rollcall_http2_goaways_total{rollcall_reason="${reason}"}`)).toBe(1);
  const told = server.logs.filter(({ msg }) => msg === "an HTTP/2 connection ends");
  expect(told).toMatchObject([{ level: 20, reason }]);
});
