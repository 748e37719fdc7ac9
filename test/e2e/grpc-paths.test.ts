/**
 * gRPC takes one of two ways through the server: straight, or, with compression, through Connect's adapter. Callers see
 * the same on both.
 */
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { constants } from "node:http2";
import { type DescMethod, fromBinary } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { enveloped, messageOf, openStream, ways } from "../support/grpc-streams.ts";
import { openSession } from "../support/raw-calls.ts";
import { authorizationOf, scopedCredentials } from "../support/scoped-callers.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const { identify, getUser, batchIdentify, batchGetUsers, setPreferences, deleteUser, listUsers } = UserService.method;
let server: TestServer;
let session: ClientHttp2Session;
beforeAll(async () => {
  server = await startTestServer();
  session = await openSession(server.url);
  const client = createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
  await client.identify({ id: "there", properties: { ...ada, bio: "x".repeat(60_000) } });
  for (let at = 0; at < 40; at++)
    await client.identify({ id: `large-${at}`, properties: { ...ada, bio: "y".repeat(60_000) } });
});
afterAll(async () => {
  session.close();
  await server.stop();
});

interface Exchange {
  readonly method: DescMethod;
  /** Sent one after the other, each in frames of its own. */
  readonly pieces: readonly Uint8Array[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Reads no further while this lasts. */
  readonly pause?: (stream: ClientHttp2Stream) => Promise<void>;
}

interface Seen {
  readonly httpStatus: unknown;
  readonly contentType: unknown;
  readonly status: unknown;
  readonly message: unknown;
  readonly details: unknown;
  readonly answers: readonly unknown[];
}

/** Everything that a caller sees, without what differs between any two calls: etags and times. */
function exchange(
  { method, pieces, headers, pause }: Exchange,
  way: Readonly<Record<string, string>>,
  over = session,
): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const stream = openStream(over, method, { ...way, ...headers });
    const body: Buffer[] = [];
    let head: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    stream.on("response", (answer) => {
      head = answer;
    });
    stream.on("trailers", (answer) => {
      trailers = answer;
    });
    stream.on("data", (piece: Buffer) => body.push(piece));
    stream.on("error", reject);
    stream.on("close", () => {
      const all = { ...head, ...trailers };
      const seen = () => ({
        httpStatus: head[":status"],
        contentType: head["content-type"],
        status: all["grpc-status"],
        message: all["grpc-message"],
        details: all["grpc-status-details-bin"],
        answers: answersOf(method, Buffer.concat(body)),
      });
      try {
        resolve(seen());
      } catch (error) {
        reject(error);
      }
    });
    const send = async () => {
      for (const piece of pieces) await new Promise<void>((sent) => stream.write(piece, () => sent()));
      stream.end();
      await pause?.(stream);
    };
    send().catch(reject);
  });
}

function answersOf(method: DescMethod, body: Buffer): unknown[] {
  const answers: unknown[] = [];
  for (let at = 0; at < body.length; ) {
    expect(body[at]).toBe(0);
    const end = at + 5 + body.readUInt32BE(at + 1);
    answers.push(fromBinary(method.output, body.subarray(at + 5, end)));
    at = end;
  }
  return JSON.parse(
    JSON.stringify(answers, (key, value) =>
      ["etag", "createdAt", "updatedAt"].includes(key) ? undefined : typeof value === "bigint" ? String(value) : value,
    ),
  );
}

const oneByOne = (bytes: Buffer) => Array.from(bytes, (byte) => Buffer.of(byte));
const there = messageOf(getUser, { id: "there" });
const item = { id: "item", properties: ada };
const none = enveloped(Buffer.from("ffffffff", "hex"));
const headOfTooLarge = Buffer.of(0, 0, 0x40, 0, 1);

const cases: Record<string, Exchange> = {
  "a user that is there": { method: getUser, pieces: [there] },
  "a user that is not there": { method: getUser, pieces: [messageOf(getUser, { id: "nobody" })] },
  "a list of users": { method: batchGetUsers, pieces: [messageOf(batchGetUsers, { ids: ["there", "nobody"] })] },
  "a page": { method: listUsers, pieces: [messageOf(listUsers, { pageSize: 3 })] },
  "what is there already": { method: identify, pieces: [messageOf(identify, { id: "there", properties: ada })] },
  "what is only validated": {
    method: identify,
    pieces: [messageOf(identify, { id: "new", properties: { ...ada, z: 1, a: [{ c: 1, b: 2 }] }, validateOnly: true })],
  },
  "preferences of nobody": {
    method: setPreferences,
    pieces: [messageOf(setPreferences, { id: "nobody", preferences: { a: 1 } })],
  },
  "a deletion of nobody": {
    method: deleteUser,
    pieces: [messageOf(deleteUser, { id: "nobody", allowMissing: true })],
  },
  "an error with a path that is not ASCII": {
    method: identify,
    pieces: [messageOf(identify, { id: "u", properties: { ...ada, "é %": Number.NaN } })].map((bytes) => bytes),
  },
  "many violations": {
    method: identify,
    pieces: [messageOf(identify, { id: "", unset: Array.from({ length: 40 }, () => "") })],
  },
  "the other content type": {
    method: getUser,
    pieces: [there],
    headers: { "content-type": "application/grpc+proto" },
  },
  "metadata in binary": { method: getUser, pieces: [there], headers: { "trace-bin": "AAECAw==", x: "%E2%82%AC" } },
  "a body byte by byte": { method: getUser, pieces: oneByOne(there) },
  "no message": { method: getUser, pieces: [] },
  "two messages": { method: getUser, pieces: [there, there] },
  "half a prefix": { method: getUser, pieces: [there.subarray(0, 3)] },
  "a prefix": { method: getUser, pieces: [there.subarray(0, 5)] },
  "half a message": { method: getUser, pieces: [there.subarray(0, -2)] },
  "a message and a half": { method: getUser, pieces: [there, there.subarray(0, -2)] },
  "a message that is too large": { method: getUser, pieces: [headOfTooLarge] },
  "a message that is none": { method: getUser, pieces: [none] },
  "a message that is none, and another": { method: getUser, pieces: [none, there] },
  "a message that is none, and the head of one that is too large": { method: getUser, pieces: [none, headOfTooLarge] },
  "a message, and one that is none": { method: getUser, pieces: [there, none] },
  "an unknown field": { method: getUser, pieces: [enveloped(Buffer.concat([there.subarray(5), Buffer.of(0x78, 1)]))] },
  "a timeout that is none": { method: getUser, pieces: [there], headers: { "grpc-timeout": "soon" } },
  "a timeout that has passed": { method: getUser, pieces: [there], headers: { "grpc-timeout": "0n" } },
  "the longest timeout": { method: getUser, pieces: [there], headers: { "grpc-timeout": "99999999H" } },
  "a stream of nothing": { method: batchIdentify, pieces: [] },
  "a stream": {
    method: batchIdentify,
    pieces: [
      messageOf(batchIdentify, { requests: [{ id: "" }, { ...item, validateOnly: true }], report: 2 }),
      messageOf(batchIdentify, { requests: [] }),
    ],
  },
  "a stream in which a message is none": {
    method: batchIdentify,
    pieces: [messageOf(batchIdentify, { requests: [{ id: "" }] }), enveloped(Buffer.from("0aff", "hex"))],
  },
  "a stream with a message and, in the same frame, the head of one that is too large": {
    method: batchIdentify,
    pieces: [Buffer.concat([messageOf(batchIdentify, { requests: [{ id: "" }] }), headOfTooLarge])],
  },
  "a stream that ends within a message": {
    method: batchIdentify,
    pieces: [messageOf(batchIdentify, { requests: [{ id: "" }] }), Buffer.of(0, 0, 0, 0, 9, 1)],
  },
  "a stream with too many items": {
    method: batchIdentify,
    pieces: [messageOf(batchIdentify, { requests: Array.from({ length: 1_001 }, () => ({ id: "" })) })],
  },
};

describe("both ways answer alike", () => {
  test.each(Object.entries(cases))("%s", async (_, each) => {
    const straight = await exchange(each, ways.straight);
    expect(straight).toEqual(await exchange(each, ways["through Connect"]));
    expect(straight.httpStatus).toBe(200);
    expect(straight.contentType).toBe("application/grpc+proto");
    expect(straight.status).toMatch(/^\d+$/);
  });

  test("a large answer to a caller who is slow to read", async () => {
    const ids = Array.from({ length: 40 }, (_, at) => `large-${at}`);
    const slow: Exchange = {
      method: batchGetUsers,
      pieces: [messageOf(batchGetUsers, { ids })],
      async pause(stream) {
        stream.pause();
        await until(() => stream.readableLength > 0);
        stream.resume();
      },
    };
    const straight = await exchange(slow, ways.straight);
    expect(straight).toEqual(await exchange(slow, ways["through Connect"]));
    expect(straight.status).toBe("0");
    expect(JSON.stringify(straight.answers).length).toBeGreaterThan(2_000_000);
  });
});

describe("both ways answer alike whoever may only write", () => {
  const callers = scopedCredentials();
  let guarded: TestServer;
  let guardedSession: ClientHttp2Session;
  beforeAll(async () => {
    guarded = await startTestServer({ access: { credentials: callers.file } });
    guardedSession = await openSession(guarded.url);
  });
  afterAll(async () => {
    guardedSession.close();
    await guarded.stop();
    callers.remove();
  });

  const writes: readonly [string, number, DescMethod, Buffer][] = [
    ["a write", 0, identify, messageOf(identify, { ...item, properties: { ...ada, bio: "x".repeat(20_000) } })],
    ["a write that changes nothing", 0, identify, messageOf(identify, { id: "item", setOnce: ada })],
    ["a validation", Code.PermissionDenied, identify, messageOf(identify, { ...item, validateOnly: true })],
    ["a refused write", Code.InvalidArgument, identify, messageOf(identify, { id: "nobody" })],
    ["preferences", 0, setPreferences, messageOf(setPreferences, { id: "item", preferences: { a: 1 } })],
    ["preferences of nobody", Code.NotFound, setPreferences, messageOf(setPreferences, { id: "nobody" })],
    ["a batch", 0, batchIdentify, messageOf(batchIdentify, { requests: [item, { id: "" }], report: 2 })],
    ["a read", Code.PermissionDenied, getUser, messageOf(getUser, { id: "item" })],
  ];
  test.each(writes)("%s", async (_, status, method, message) => {
    const headers = { authorization: authorizationOf(["users.write"]) };
    const each = { method, pieces: [message], headers };
    const straight = await exchange(each, ways.straight, guardedSession);
    expect(straight).toEqual(await exchange(each, ways["through Connect"], guardedSession));
    expect(straight.status).toBe(String(status));
  });
});

describe.each(Object.entries(ways))("%s", (_, way) => {
  const ends = () => server.logs.filter(({ msg, code }) => msg === "request" && code !== "ok").length;

  test("a caller who resets a call before it is sent ends it, and nothing else", async () => {
    const before = ends();
    const stream = openStream(session, getUser, way);
    stream.on("error", () => {});
    stream.write(there.subarray(0, 4));
    await new Promise((resolve) => setImmediate(resolve));
    stream.close(constants.NGHTTP2_CANCEL);
    await until(() => ends() > before);
    expect((await exchange({ method: getUser, pieces: [there] }, way)).status).toBe("0");
  });

  test("callers who reset calls at any moment end them, and nothing else", async () => {
    // Fewer than are taken for an attack.
    const closed = Array.from({ length: 80 }, async (_, at) => {
      const method = at % 2 === 0 ? getUser : batchIdentify;
      const stream = openStream(session, method, way);
      stream.on("error", () => {}).resume();
      stream.end(at % 2 === 0 ? there : messageOf(batchIdentify, { requests: [{ ...item, validateOnly: true }] }));
      for (let turn = 0; turn < at % 7; turn++) await new Promise((resolve) => setImmediate(resolve));
      stream.close(constants.NGHTTP2_CANCEL);
      await until(() => stream.closed);
    });
    await Promise.all(closed);
    expect((await exchange({ method: getUser, pieces: [there] }, way)).status).toBe("0");
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
      stream.write(messageOf(batchIdentify, { requests: [{ ...item, validateOnly: true }] }));
      await until(() => answersOf(batchIdentify, Buffer.concat(pieces)).length === sent);
    }
    stream.end();
    await until(() => trailers["grpc-status"] === "0");
  });

  test("a call with an answer before its request has ended is over at once", async () => {
    const stream = openStream(session, getUser, way);
    let status: unknown;
    const see = (answer: IncomingHttpHeaders) => {
      status = answer["grpc-status"] ?? status;
    };
    stream
      .on("response", see)
      .on("trailers", see)
      .on("error", () => {})
      .resume();
    stream.write(headOfTooLarge);
    await until(() => stream.closed);
    expect(status).toBe("8");
  });
});
