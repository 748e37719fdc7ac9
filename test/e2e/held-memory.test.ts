/** What is counted against the memory budget is given back, also while the call goes on. */
import { once } from "node:events";
import type { ClientHttp2Session } from "node:http2";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BatchReport, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { enveloped, messageOf, openStream } from "../support/grpc-streams.ts";
import { openSession } from "../support/raw-calls.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const { batchIdentify, batchGetUsers, identify } = UserService.method;
let server: TestServer;
let session: ClientHttp2Session;
beforeAll(async () => {
  server = await startTestServer();
  session = await openSession(server.url);
});
afterAll(async () => {
  session.close();
  await server.stop();
});

const nothingHeld = () =>
  until(async () => (await server.metric("rollcall_held")) === 0 && (await server.metric("rollcall_batch_work")) === 0);

const requests = [{ id: "there", properties: { ...ada, text: "x".repeat(2_000) } }, { id: "" }];
const message = messageOf(batchIdentify, { requests, report: BatchReport.ALL }).subarray(5);
const json = Buffer.from(JSON.stringify({ requests, report: "BATCH_REPORT_ALL" }));

describe.each([
  ["gRPC", "application/grpc", {}, enveloped(message)],
  ["gRPC, gzip", "application/grpc", { "grpc-encoding": "gzip" }, enveloped(gzipSync(message), 1)],
  ["gRPC-Web", "application/grpc-web", {}, enveloped(message)],
  ["Connect", "application/connect+proto", {}, enveloped(message)],
  [
    "Connect JSON, gzip",
    "application/connect+json",
    { "connect-content-encoding": "gzip" },
    enveloped(gzipSync(json), 1),
  ],
] as const)("%s", (_, type, headers, envelope) => {
  test("an import that goes on holds nothing once it is answered", async () => {
    const stream = openStream(session, batchIdentify, { "content-type": type, ...headers }).on("error", () => {});
    let answers = 0;
    stream.on("data", () => answers++);
    for (let sent = 1; sent <= 20; sent++) {
      stream.write(envelope);
      await until(() => answers >= sent);
    }
    await nothingHeld();
    stream.end();
    await once(stream, "close");
    await nothingHeld();
  });
});

test("calls that are answered, refused, cut or reset hold nothing once they are over", async () => {
  const large = messageOf(identify, { id: "large", properties: { ...ada, text: "x".repeat(60_000) } });
  const answered = openStream(session, identify, {}).end(large);
  await once(answered.resume(), "close");
  const many = openStream(session, batchGetUsers, {}).end(messageOf(batchGetUsers, { ids: ["large", "there"] }));
  await once(many.resume(), "close");
  const refused = openStream(session, identify, {}).end(
    messageOf(identify, { id: "", properties: { text: "x".repeat(200_000) } }),
  );
  await once(refused.resume(), "close");
  const reset = openStream(session, identify, {}).on("error", () => {});
  reset.write(large.subarray(0, 40_000));
  await until(async () => (await server.metric("rollcall_held")) !== 0);
  reset.destroy();
  await nothingHeld();
  expect(await server.metric("rollcall_batch_waiting")).toBe(0);
});
