/**
 * Requests that Node's servers would answer, or swallow, by themselves: over raw sockets, in clear text and over TLS. Each is
 * answered or reset, its body is dropped, and it is counted.
 */
import { once } from "node:events";
import { constants } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { enveloped, messageOf, watchServerStreams } from "../support/grpc-streams.ts";
import {
  flags,
  frame,
  framesIn,
  frameTypes,
  grpcHeaders,
  headerBlock,
  preface,
  statusIn,
} from "../support/http2-frames.ts";
import { http2, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const { getUser } = UserService.method;
const getUserPath = `/${UserService.typeName}/${getUser.name}`;
const watchPath = `/${Health.typeName}/${Health.method.watch.name}`;

let certificates: Certificates;
beforeAll(() => {
  certificates = createCertificates();
});
afterAll(() => certificates.remove());

describe.each(["clear text", "TLS"])("%s", (transport) => {
  const isTls = transport === "TLS";
  let server: TestServer;
  beforeAll(async () => {
    const { cert, key } = certificates;
    server = await startTestServer(isTls ? { access: { tlsCert: cert, tlsKey: key } } : {});
  });
  afterAll(() => server.stop());

  interface Connection {
    readonly socket: Socket;
    readonly received: () => Buffer;
    readonly text: () => string;
  }

  async function open(protocol: "http/1.1" | "h2"): Promise<Connection> {
    const to = { host: "127.0.0.1", port: server.port, noDelay: true };
    const socket = isTls ? connectTls({ ...to, ALPNProtocols: [protocol], rejectUnauthorized: false }) : connectTcp(to);
    onTestFinished(() => void socket.destroy());
    let received = Buffer.alloc(0);
    socket
      .on("error", () => {})
      .on("data", (piece: Buffer) => {
        received = Buffer.concat([received, piece]);
      });
    await once(socket, isTls ? "secureConnect" : "connect");
    return { socket, received: () => received, text: () => received.toString("latin1") };
  }

  const metric = async (sample: string) => (await server.metric(sample)) ?? 0;
  const refused = (reason: string) => metric(`rollcall_requests_refused_total{rollcall_reason="${reason}"}`);
  const calls = (method: string) => metric(`rollcall_calls_in_flight{rpc_method="${method}"}`);

  describe("HTTP/1.1", () => {
    const host = "Host: localhost\r\n";
    const json = `${host}Content-Type: application/json\r\n`;
    const post = (headers: string, body = "") => `POST ${getUserPath} HTTP/1.1\r\n${headers}\r\n${body}`;
    const nobody = JSON.stringify({ id: "nobody" });
    const askForNobody = post(`${json}Content-Length: ${nobody.length}\r\n`, nobody);
    /** Is answered, and never to the end. */
    const watch = `POST ${watchPath} HTTP/1.1\r\n${host}Content-Type: application/connect+json\r\nContent-Length: 7\r\n\r\n\0\0\0\0\x02{}`;

    test.each([
      [
        "another expectation",
        post(`${json}Expect: payment\r\nContent-Length: 500000\r\n`, "x".repeat(1_000)),
        417,
        "expectation",
      ],
      ["CONNECT", `CONNECT example.com:443 HTTP/1.1\r\n${host}\r\n${"x".repeat(1_000)}`, 405, "connect"],
      ["no Host", post("Content-Length: 500000\r\n", "x".repeat(1_000)), 400, "malformed"],
      ["no Host, and waiting to send", post("Expect: 100-continue\r\nContent-Length: 500000\r\n"), 400, "malformed"],
      ["no HTTP", "NO HTTP\r\n\r\n", 400, "malformed"],
      ["an unknown method", `BREW / HTTP/1.1\r\n${host}\r\n`, 400, "malformed"],
      ["a name with a space", `GET / HTTP/1.1\r\n${host}a b: c\r\n\r\n`, 400, "malformed"],
      [
        "two lengths",
        post(`${json}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n`, "2\r\n{}\r\n0\r\n\r\n"),
        400,
        "malformed",
      ],
      ["large headers", `GET / HTTP/1.1\r\n${host}a: ${"x".repeat(17_000)}\r\n\r\n`, 431, "headers"],
      [
        "large trailers",
        post(`${json}Transfer-Encoding: chunked\r\n`, `2\r\n{}\r\n0\r\na: ${"x".repeat(17_000)}\r\n\r\n`),
        431,
        "headers",
      ],
      [
        "large extensions of a chunk",
        post(`${json}Transfer-Encoding: chunked\r\n`, `2;${"x".repeat(17_000)}\r\n{}\r\n0\r\n\r\n`),
        413,
        "malformed",
      ],
    ])("%s is refused, counted, and ends the connection", async (_, request, status, reason) => {
      const before = await refused(reason);
      const { socket, text } = await open("http/1.1");
      socket.write(request);
      await once(socket, "close");
      expect(text()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(text().split("HTTP/1.1 ")).toHaveLength(2);
      await until(async () => (await refused(reason)) === before + 1);
      await until(async () => (await metric("rollcall_connections")) === 0);
      await until(async () => (await metric("rollcall_held")) === 0);
    });

    test("a request that is given up within its headers is counted", async () => {
      const before = await refused("reset");
      const { socket } = await open("http/1.1");
      socket.end("GET / HTTP/1.1\r\nHost:");
      await until(async () => (await refused("reset")) === before + 1);
    });

    test("HTTP/2's preface after an HTTP/1.1 request is refused", async () => {
      const before = await refused("malformed");
      const { socket, text } = await open("http/1.1");
      socket.write(askForNobody);
      await until(() => text().includes("USER_NOT_FOUND"));
      socket.write(preface);
      await once(socket, "close");
      expect(await refused("malformed")).toBe(before + 1);
    });

    test("a caller who waits to send is told to, and answered", async () => {
      const { socket, text } = await open("http/1.1");
      socket.write(post(`${json}Expect: 100-continue\r\nContent-Length: ${nobody.length}\r\n`));
      await until(() => text() === "HTTP/1.1 100 Continue\r\n\r\n");
      socket.write(nobody);
      await until(() => text().includes("USER_NOT_FOUND"));
    });

    test.each([
      ["to h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"],
      ["to a web socket", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"],
    ])("an upgrade %s is not made, and the request is answered", async (_, headers) => {
      const { socket, text } = await open("http/1.1");
      socket.write(post(`${json}${headers}Content-Length: ${nobody.length}\r\n`, nobody));
      await until(() => text().includes("USER_NOT_FOUND"));
      expect(text()).toMatch(/^HTTP\/1.1 404 /);
    });

    test("trailers are read past", async () => {
      const { socket, text } = await open("http/1.1");
      const chunk = `${nobody.length.toString(16)}\r\n${nobody}\r\n`;
      socket.write(post(`${json}Transfer-Encoding: chunked\r\n`, `${chunk}0\r\nx-a: b\r\n\r\n`));
      socket.write(askForNobody);
      await until(() => text().split("USER_NOT_FOUND").length === 3);
    });

    test("no header is dropped, however many there are", async () => {
      const { socket, text } = await open("http/1.1");
      const many = Array.from({ length: 1_100 }, (_, at) => `x-${at}: y\r\n`).join("");
      socket.write(
        post(`${host}${many}Content-Type: application/json\r\nContent-Length: ${nobody.length}\r\n`, nobody),
      );
      await until(() => text().includes("USER_NOT_FOUND"));
    });

    const unserved = `rollcall_calls_total{rpc_method="_OTHER",rpc_system_name="connectrpc",rpc_status_code="UNIMPLEMENTED",rollcall_reason="NOT_IMPLEMENTED",rollcall_caller="unknown"}`;
    test.each([
      ["OPTIONS *", `OPTIONS * HTTP/1.1\r\n${host}\r\n`],
      ["an absolute URI", `GET http://localhost/ HTTP/1.1\r\n${host}\r\n`],
      ["HEAD", `HEAD / HTTP/1.1\r\n${host}\r\n`],
      ["HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"],
    ])("%s is answered as a method that there is not", async (_, request) => {
      const before = await metric(unserved);
      const { socket, text } = await open("http/1.1");
      socket.write(request);
      await until(() => text().startsWith("HTTP/1.1 404 "));
      expect(await metric(unserved)).toBe(before + 1);
    });

    test("no more than a few requests wait for an answer on one connection", async () => {
      const before = await refused("pipelined");
      const { socket } = await open("http/1.1");
      socket.write(watch + askForNobody.repeat(16));
      await once(socket, "close");
      expect(await refused("pipelined")).toBe(before + 1);
      await until(async () => (await calls(`${UserService.typeName}/${getUser.name}`)) === 0);
      await until(async () => (await metric("rollcall_held")) === 0);
    });

    test("as many as may wait are answered in turn", async () => {
      const { socket, text } = await open("http/1.1");
      socket.write(askForNobody.repeat(16));
      await until(() => text().split("USER_NOT_FOUND").length === 17);
      socket.write(askForNobody.repeat(16));
      await until(() => text().split("USER_NOT_FOUND").length === 33);
    });

    test("a connection that closes while requests wait on it ends nothing else", async () => {
      const message = encodeURIComponent(nobody);
      const path = `${getUserPath}?connect=v1&encoding=json&message=${message}`;
      const ask = `GET ${path} HTTP/1.1\r\n${host}\r\n`;
      // At each moment of their answers, and of the reading of what they ask.
      for (let turns = 0; turns < 60; turns++) {
        const { socket } = await open("http/1.1");
        socket.write(ask.repeat(16));
        for (let turn = 0; turn < turns; turn++) await turnOfTheLoop();
        socket.destroy();
      }
      await until(async () => (await calls(`${UserService.typeName}/${getUser.name}`)) === 0);
      await until(async () => (await metric("rollcall_held")) === 0);
    });

    test("requests that wait before a CONNECT are let go with their connection", async () => {
      const { socket } = await open("http/1.1");
      socket.write(watch + askForNobody);
      await until(async () => (await metric("rollcall_held")) > 0);
      socket.write(`CONNECT example.com:443 HTTP/1.1\r\n${host}\r\n`);
      await once(socket, "close");
      await until(async () => (await metric("rollcall_held")) === 0);
      await until(async () => (await calls(`${Health.typeName}/${Health.method.watch.name}`)) === 0);
    });
  });

  describe("HTTP/2", () => {
    const request = (method: string, more: Readonly<Record<string, string>> = {}, path = getUserPath) =>
      headerBlock({ ":method": method, ":scheme": "http", ":path": path, ":authority": "localhost", ...more });
    const json = { "content-type": "application/json" };
    /** A body that goes on. */
    const body = Buffer.concat(Array.from({ length: 3 }, () => frame("data", 0, 1, Buffer.alloc(16_000, "x"))));

    /** A connection on which this has been sent, and the server's sides of its streams. */
    async function send(...frames: readonly Buffer[]) {
      const watch = watchServerStreams();
      onTestFinished(watch.stop);
      const connection = await open("h2");
      connection.socket.write(Buffer.concat([preface, ...frames]));
      const onStream = (stream: number) => framesIn(connection.received()).filter((each) => each.stream === stream);
      const ofType = (type: keyof typeof frameTypes, stream: number) =>
        onStream(stream).filter((each) => each.type === frameTypes[type]);
      return {
        ...connection,
        served: watch.streams,
        statuses: (stream: number) => ofType("headers", stream).map(({ payload }) => statusIn(payload)),
        resets: (stream: number) => ofType("reset", stream).map(({ payload }) => payload.readUInt32BE(0)),
      };
    }

    /** That the connection goes on. */
    async function expectServed({ socket, statuses }: Awaited<ReturnType<typeof send>>): Promise<void> {
      const ask = frame("data", flags.endStream, 3, messageOf(getUser, { id: "nobody" }));
      socket.write(Buffer.concat([frame("headers", flags.endHeaders, 3, grpcHeaders(getUserPath)), ask]));
      await until(() => statuses(3)[0] === 200);
    }

    const pairs = (count: number, bytes: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`x-${at}`, "x".repeat(bytes)]));

    test.each([
      ["another expectation", request("POST", { ...json, expect: "payment" }), 417, "expectation"],
      ["another expectation of gRPC's", grpcHeaders(getUserPath, { expect: "payment" }), 417, "expectation"],
      ["CONNECT", headerBlock({ ":method": "CONNECT", ":authority": "example.com:443" }), 405, "connect"],
      ["HEAD with a body", request("HEAD"), 400, "malformed"],
      ["HEAD with a body, and no such path", request("HEAD", {}, "/"), 400, "malformed"],
      ["large headers", request("POST", pairs(100, 130)), 431, "headers"],
    ])("%s is refused, counted, and its body is dropped", async (_, headers, status, reason) => {
      const before = await refused(reason);
      const connection = await send(frame("headers", flags.endHeaders, 1, headers), body);
      await until(() => connection.resets(1).length > 0);
      expect(connection.statuses(1)).toEqual([status]);
      expect(connection.resets(1)).toEqual([constants.NGHTTP2_NO_ERROR]);
      const [stream] = connection.served;
      await until(() => stream?.isClosed === true);
      expect(stream?.unreadBytes).toBe(0);
      expect(await refused(reason)).toBe(before + 1);
      await until(async () => (await metric("rollcall_held")) === 0);
      await expectServed(connection);
    });

    test.each([
      ["POST *", request("POST", json, "*")],
      ["an absolute URI", request("POST", json, "http://localhost/")],
      ["a :status", request("POST", { ":status": "200", ...json })],
      ["a :protocol", request("CONNECT", { ":protocol": "websocket" })],
      ["a header of the connection", request("POST", { ...json, connection: "close" })],
      ["an upgrade", request("POST", { ...json, upgrade: "h2c" })],
      ["no method", headerBlock({ ":scheme": "http", ":path": getUserPath, ":authority": "localhost" })],
    ])("%s is reset before it begins", async (_, headers) => {
      const connection = await send(frame("headers", flags.endHeaders, 1, headers), body);
      await until(() => connection.resets(1).length > 0);
      expect(connection.resets(1)).toEqual([constants.NGHTTP2_PROTOCOL_ERROR]);
      expect(connection.served).toEqual([]);
      await expectServed(connection);
    });

    test.each([
      ["gRPC", grpcHeaders(getUserPath, { expect: "100-Continue" })],
      ["JSON", request("POST", { ...json, expect: "100-continue" })],
    ])("a caller of %s who waits to send is told to once, and answered", async (name, headers) => {
      const connection = await send(frame("headers", flags.endHeaders, 1, headers));
      await until(() => connection.statuses(1).length > 0);
      const message = name === "gRPC" ? messageOf(getUser, { id: "nobody" }) : Buffer.from(`{"id":"nobody"}`);
      connection.socket.write(frame("data", flags.endStream, 1, message));
      await until(() => connection.statuses(1).length > 1);
      expect(connection.statuses(1)).toEqual([100, name === "gRPC" ? 200 : 404]);
    });

    test("a request with many small headers is served", async () => {
      const connection = await send(
        frame("headers", flags.endHeaders, 1, grpcHeaders(getUserPath, pairs(200, 1))),
        frame("data", flags.endStream, 1, messageOf(getUser, { id: "nobody" })),
      );
      await until(() => connection.statuses(1).length > 0);
      expect(connection.statuses(1)).toEqual([200]);
    });

    test("a request whose trailers do not end it is reset, and its call ended", async () => {
      const connection = await send(
        frame("headers", flags.endHeaders, 1, grpcHeaders(getUserPath)),
        frame("headers", flags.endHeaders, 1, headerBlock({ "x-a": "b" })),
      );
      await until(() => connection.resets(1).length > 0);
      await until(() => connection.served.every(({ isClosed }) => isClosed));
      await until(async () => (await calls(`${UserService.typeName}/${getUser.name}`)) === 0);
    });

    test("PRIORITY frames are ignored", async () => {
      const priority = (stream: number) => frame("priority", 0, stream, Buffer.of(0, 0, 0, 0, 16));
      const connection = await send(...Array.from({ length: 500 }, (_, at) => priority(2 * at + 1_001)));
      await expectServed(connection);
    });

    test("PUSH_PROMISE ends the connection", async () => {
      const { socket } = await send(frame("pushPromise", flags.endHeaders, 1, Buffer.of(0, 0, 0, 2)));
      await once(socket, "close");
    });

    // Over TLS the first bytes come after the session has begun, and so the call begins before it is reset. With Rollcall's own
    // HTTP/2 a call begins with its headers.
    if (isTls || http2 === "own") return;
    test("a request that is reset before it is seen reaches no method, and is counted", async () => {
      const before = await refused("reset");
      const connection = await send(
        frame("headers", flags.endHeaders, 1, grpcHeaders(getUserPath)),
        frame("data", 0, 1, enveloped(Buffer.alloc(1_000))),
        frame("reset", 0, 1, Buffer.alloc(4)),
      );
      await until(async () => (await refused("reset")) === before + 1);
      await until(() => connection.served.length === 1 && connection.served.every(({ isClosed }) => isClosed));
      await expectServed(connection);
    });
  });
});
