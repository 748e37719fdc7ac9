/** Whatever a request calls the server by, it is answered: there is one service on the port. */
import { once } from "node:events";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTcp } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { create, type DescMethod, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { temporaryFolder } from "../support/files.ts";
import { enveloped } from "../support/grpc-streams.ts";
import { rollcall, serve } from "../support/processes.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

interface Exchange {
  readonly name: string;
  readonly method: DescMethod;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** What the answer has: its status, headers and trailers, and its body. */
  readonly answer: RegExp;
}

const { getUser } = UserService.method;
const pathOf = (method: DescMethod) => `/${method.parent.typeName}/${method.name}`;
const nobody = Buffer.from(toBinary(getUser.input, create(getUser.input, { id: "nobody" })));
const json = { "content-type": "application/json" };
const connect: readonly Exchange[] = [
  { name: "Connect", method: getUser, headers: json, body: Buffer.from(`{"id":"nobody"}`), answer: /USER_NOT_FOUND/ },
  { name: "health", method: Health.method.check, headers: json, body: Buffer.from("{}"), answer: /SERVING/ },
];
const grpcWeb: Exchange = {
  name: "gRPC-Web",
  method: getUser,
  headers: { "content-type": "application/grpc-web+proto" },
  body: enveloped(nobody),
  answer: /grpc-status: ?5/,
};
const grpcHeaders = { "content-type": "application/grpc", te: "trailers" };
const grpc: readonly Exchange[] = [
  { name: "gRPC", method: getUser, headers: grpcHeaders, body: enveloped(nobody), answer: /grpc-status: ?5/ },
  {
    name: "gRPC with a compression",
    method: getUser,
    headers: { ...grpcHeaders, "grpc-encoding": "gzip" },
    body: enveloped(nobody),
    answer: /grpc-status: ?5/,
  },
  {
    name: "gRPC's health",
    method: Health.method.check,
    headers: grpcHeaders,
    body: enveloped(Buffer.alloc(0)),
    answer: /grpc-status: ?0/,
  },
];

/** All that comes back over a connection of its own for a request in HTTP/1. */
async function overHttp1(version: string, { method, headers, body }: Exchange, host: string): Promise<string> {
  const socket = connectTcp({ host: "127.0.0.1", port: server.port });
  onTestFinished(() => void socket.destroy());
  let received = "";
  socket.on("data", (piece: Buffer) => {
    received += piece.toString("latin1");
  });
  const lines = Object.entries({ ...headers, "content-length": body.length, connection: "close" });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.write(`POST ${pathOf(method)} HTTP/${version}\r\n${host}${head}\r\n`);
  socket.write(body);
  await once(socket, "close");
  return received;
}

/** All that comes back for a request in HTTP/2: headers, body and trailers. */
async function overHttp2({ method, headers, body }: Exchange, names: Readonly<Record<string, string>>) {
  const session = connectHttp2(server.url);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ":method": "POST", ":path": pathOf(method), ...headers, ...names });
  const linesOf = (list: IncomingHttpHeaders) =>
    Object.entries(list)
      .map(([name, value]) => `${name}: ${value}\n`)
      .join("");
  let received = "";
  stream.on("response", (list) => {
    received += linesOf(list);
  });
  stream.on("trailers", (list) => {
    received += linesOf(list);
  });
  stream.on("data", (piece: Buffer) => {
    received += piece.toString("latin1");
  });
  stream.end(body);
  await once(stream, "close");
  return received;
}

describe.each([...connect, grpcWeb])("over HTTP/1, $name", (exchange) => {
  test.each(["", "host:99999", "::1:50051", "[::1", "a/b?c#d"])("Host: %s", async (host) => {
    expect(await overHttp1("1.1", exchange, `Host: ${host}\r\n`)).toMatch(exchange.answer);
  });

  test("HTTP/1.0 without Host", async () => {
    expect(await overHttp1("1.0", exchange, "")).toMatch(exchange.answer);
  });
});

describe.each([...connect, grpcWeb, ...grpc])("over HTTP/2, $name", (exchange) => {
  test.each(["::1:50051", "host:99999", "[::1"])(":authority: %s", async (authority) => {
    expect(await overHttp2(exchange, { ":authority": authority })).toMatch(exchange.answer);
  });

  test("host in place of :authority", async () => {
    expect(await overHttp2(exchange, { host: "::1:50051" })).toMatch(exchange.answer);
  });
});

test.each([
  ["no Host", ""],
  ["two", "Host: a\r\nHost: a\r\n"],
])("%s in HTTP/1.1 is refused with a word on it, counted and logged", async (_, host) => {
  const sample = `rollcall_requests_refused_total{rollcall_reason="malformed"}`;
  const before = (await server.metric(sample)) ?? 0;
  const answer = await overHttp1("1.1", grpcWeb, host);
  expect(answer).toMatch(/^HTTP\/1.1 400 .*a request needs the header Host, once\n$/s);
  expect(await server.metric(sample)).toBe(before + 1);
  expect(server.logs).toContainEqual(
    expect.objectContaining({ level: 30, reason: "malformed", msg: "a request was refused as HTTP" }),
  );
});

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));

// Not every container has such an address; the requests that it leads to are among those above.
test.runIf(hasIpv6)("commands reach a server at an IPv6 address", async () => {
  const serving = await serve(`sqlite:${join(temporaryFolder(), "users.db")}`, ["--listen", "[::1]:0"]);
  onTestFinished(() => void serving.stop());
  expect(serving.url).toMatch(/^http:\/\/\[::1]:\d+$/);
  expect(await rollcall(["health", "--server", serving.url])).toMatchObject({ status: 0, stdout: "SERVING\n" });
  const missing = await rollcall(["get", "nobody", "--server", serving.url]);
  expect(missing).toMatchObject({ status: 1, stderr: expect.stringContaining("USER_NOT_FOUND") });
});
