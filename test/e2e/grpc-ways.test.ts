/** gRPC takes one of two ways through the server, and on both a call begins, goes on and ends alike. */
import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { constants } from "node:http2";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { messageOf, openStream, ways } from "../support/grpc-streams.ts";
import { openSession } from "../support/raw-calls.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { answersOf, headOfTooLarge, seenOf, there, validation } from "./exchanges/frames.ts";

const { getUser, batchIdentify, batchGetUsers } = UserService.method;
const largeIds = Array.from({ length: 40 }, (_, at) => `large-${at}`);

let server: TestServer;
let session: ClientHttp2Session;
beforeAll(async () => {
  server = await startTestServer();
  session = await openSession(server.url);
  const client = createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
  const properties = { ...ada, bio: "x".repeat(60_000) };
  for (const id of ["there", ...largeIds]) await client.identify({ id, properties });
});
afterAll(async () => {
  session.close();
  await server.stop();
});

test("a large answer is the same to a caller who is slow to read", async () => {
  const sent = { method: batchGetUsers, pieces: [messageOf(batchGetUsers, { ids: largeIds })] };
  const read = async (way: object) => {
    const { told, answers } = await seenOf(session, sent, { ...way }, async (stream) => {
      stream.pause();
      await until(() => stream.readableLength > 0);
      stream.resume();
    });
    return { told, answers };
  };
  const straight = await read(ways.straight);
  expect(straight).toEqual(await read(ways["through Connect"]));
  expect(straight.told).toContain("0");
  expect(JSON.stringify(straight.answers).length).toBeGreaterThan(2_000_000);
});

describe.each(Object.entries(ways))("%s", (_, way) => {
  const ends = () => server.logs.filter(({ msg, code }) => msg === "request" && code !== "ok").length;
  const expectServed = async () => {
    const { told } = await seenOf(session, { method: getUser, pieces: [there] }, way);
    expect(told).toContain("0");
  };
  const valid = messageOf(batchIdentify, { requests: [validation] });

  test("a caller who resets a call before it is sent ends it, and nothing else", async () => {
    const before = ends();
    const stream = openStream(session, getUser, way);
    stream.on("error", () => {});
    stream.write(there.subarray(0, 4));
    await turnOfTheLoop();
    stream.close(constants.NGHTTP2_CANCEL);
    await until(() => ends() > before);
    await expectServed();
  });

  test("callers who reset calls at any moment end them, and nothing else", async () => {
    // Fewer than are taken for an attack.
    const closed = Array.from({ length: 80 }, async (_, at) => {
      const [method, message] = at % 2 === 0 ? ([getUser, there] as const) : ([batchIdentify, valid] as const);
      const stream = openStream(session, method, way);
      stream.on("error", () => {}).resume();
      stream.end(message);
      for (let turn = 0; turn < at % 7; turn++) await turnOfTheLoop();
      stream.close(constants.NGHTTP2_CANCEL);
      await until(() => stream.closed);
    });
    await Promise.all(closed);
    await expectServed();
  });

  test("a stream is answered while it goes on, and ends with its last answer", async () => {
    const stream = openStream(session, batchIdentify, way);
    const pieces: Buffer[] = [];
    let trailers: IncomingHttpHeaders = {};
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("trailers", (answer) => {
      trailers = answer;
    });
    for (let sent = 1; sent <= 3; sent++) {
      stream.write(valid);
      await until(() => answersOf(batchIdentify, Buffer.concat(pieces)).length === sent);
    }
    stream.end();
    await until(() => trailers["grpc-status"] === "0");
  });

  test("a call with an answer before its request has ended is over at once", async () => {
    const stream = openStream(session, getUser, way);
    const statuses: unknown[] = [];
    const see = (answer: IncomingHttpHeaders) => statuses.push(answer["grpc-status"]);
    stream.on("response", see).on("trailers", see);
    stream.on("error", () => {}).resume();
    stream.write(headOfTooLarge);
    await until(() => stream.closed);
    expect(statuses).toContain("8");
  });
});
