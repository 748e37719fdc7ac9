/** Streams of which not everything is read: by the server, which has ended them, or by a caller who leaves. */
import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from "node:http2";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { BatchReport, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { type Headers, messageOf, openStream, watchServerStreams, ways } from "../support/grpc-streams.ts";
import { openSession } from "../support/raw-calls.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const { batchIdentify } = UserService.method;
/** Its answer is as large. */
const messageWith = (items: number) => {
  const requests = Array.from({ length: items }, (_, at) => ({
    id: `${at}-${"i".repeat(200)}`,
    properties: ada,
    validateOnly: true,
  }));
  return messageOf(batchIdentify, { requests, report: BatchReport.ALL });
};
const small = messageWith(20);
const large = messageWith(300);
const refused = messageOf(batchIdentify, { requests: [], report: 99 as BatchReport });

let server: TestServer;
let session: ClientHttp2Session;
beforeAll(async () => {
  server = await startTestServer();
  // Of what it does not read, hardly anything is sent.
  session = connect(server.url, { settings: { initialWindowSize: 1_000 } });
});
afterAll(async () => {
  session.destroy();
  await server.stop();
});

describe.each(Object.entries(ways))("%s", (_, way) => {
  /** A stream, and how the server sees it: its own side, and what it logs of the call and of anything that went wrong. */
  async function open(headers: Headers = {}) {
    const watch = watchServerStreams();
    onTestFinished(watch.stop);
    const before = server.logs.length;
    const stream = openStream(session, batchIdentify, { ...way, ...headers }).on("error", () => {});
    stream.write(messageOf(batchIdentify, { requests: [] }));
    await until(() => watch.streams.length > 0);
    const [served] = watch.streams;
    if (served === undefined) expect.fail("the stream did not arrive");
    const logged = () => server.logs.slice(before);
    return {
      stream,
      served,
      /** What the call has ended with. */
      async code() {
        await until(() => logged().some(({ msg }) => msg === "request"));
        return logged().find(({ msg }) => msg === "request")?.["code"];
      },
      failures: () => logged().filter(({ level }) => Number(level) >= 40),
    };
  }

  test("a stream that has ended with an error goes, however much of its request is unread", async () => {
    const { stream, served, code } = await open();
    stream.resume();
    stream.write(Buffer.concat([refused, ...Array.from({ length: 8 }, () => large)]));
    expect(await code()).toBe("InvalidArgument");
    await until(() => served.isClosed);
  });

  test.each([
    ["NO_ERROR", constants.NGHTTP2_NO_ERROR],
    ["CANCEL", constants.NGHTTP2_CANCEL],
  ])("a caller who reads nothing and resets with %s ends the stream, which is no failure", async (_code, reset) => {
    const { stream, served, code, failures } = await open();
    stream.pause();
    for (let sent = 0; sent < 12; sent++) stream.write(large);
    await until(() => served.unsentBytes > 0);
    stream.close(reset);
    expect(await code()).toBe("Canceled");
    await until(() => served.isClosed);
    expect(failures()).toEqual([]);
  });

  test("a caller who resets a stream that has ended, and has not been sent, ends it too", async () => {
    const { stream, served, code } = await open();
    stream.pause();
    stream.write(Buffer.concat([small, refused, ...Array.from({ length: 8 }, () => large)]));
    expect(await code()).toBe("InvalidArgument");
    await until(() => served.isEnding);
    expect(served.unsentBytes).toBeGreaterThan(0);
    stream.close(constants.NGHTTP2_NO_ERROR);
    await until(() => served.isClosed);
  });

  test("a caller whose connection ends within a message is gone, which is no failure", async () => {
    const own = await openSession(server.url);
    const before = server.logs.length;
    const logged = () => server.logs.slice(before);
    const stream = openStream(own, batchIdentify, way).on("error", () => {});
    stream.write(large.subarray(0, 100));
    const answered = openStream(own, batchIdentify, way).resume();
    answered.end();
    await until(() => answered.closed);
    own.destroy();
    await until(() => logged().filter(({ msg }) => msg === "request").length === 2);
    expect(logged().map(({ code }) => code)).toEqual(["ok", "Canceled"]);
    expect(logged().filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });

  test("a deadline that passes within a message is told as soon as more of it comes", async () => {
    const { stream, code } = await open({ "grpc-timeout": "50m" });
    let status: unknown;
    const see = (sent: IncomingHttpHeaders) => {
      status = sent["grpc-status"] ?? status;
    };
    stream.on("response", see).on("trailers", see).resume();
    stream.write(large.subarray(0, 100));
    expect(await code()).toBe("DeadlineExceeded");
    stream.write(large.subarray(100, 200));
    await until(() => stream.closed);
    expect(status).toBe("4");
  });

  test("a drain does not wait for an import that goes on sending", { timeout: 15_000 }, async () => {
    const draining = await startTestServer({ drainTimeoutMs: 24 * 3_600_000 });
    const own = await openSession(draining.url);
    const stream = openStream(own, batchIdentify, way).on("error", () => {});
    let trailers: IncomingHttpHeaders = {};
    let answers = 0;
    stream.on("trailers", (sent) => {
      trailers = sent;
    });
    stream.on("data", () => answers++);
    const sendMore = () => {
      if (!stream.writable) return;
      while (stream.write(large));
      stream.once("drain", sendMore);
    };
    sendMore();
    await until(() => answers > 20);
    await draining.stop();
    expect(trailers["grpc-status"]).toBe("14");
  });
});

test.each(["application/grpc", "application/proto"])(
  "a call of no method, in %s, is over at once, whether or not its request has ended",
  async (type) => {
    const request = { ":method": "POST", ":path": "/rollcall.v1.UserService/Nothing", "content-type": type };
    const stream = session.request(request).resume();
    stream.write(large);
    await until(() => stream.closed);
  },
);
