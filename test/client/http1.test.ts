/** The client over Connect and HTTP/1.1. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Code, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "#gen-server/health/v1/health_pb.js";
import {
  type ClientOptions,
  createRollcallClient,
  createTransport,
  type RollcallClient,
  rollcallErrorOf,
} from "../../src/client/index.ts";
import { type Certificates, createCertificates } from "../support/certificates.ts";
import { startHttp1Proxy } from "../support/http1-proxy.ts";
import { ada, startTestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A scripted HTTP/1.1 server, and a client of it. */
async function against(answer: Answer, options: Partial<ClientOptions> = {}) {
  const seen: { authorization: unknown; timeout: unknown }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    seen.push({ authorization: request.headers.authorization, timeout: request.headers["connect-timeout-ms"] });
    answer(request, response);
  });
  server.on("connection", (socket) => sockets.add(socket.once("close", () => sockets.delete(socket))));
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createRollcallClient({ server: url, protocol: "connect", retries: { baseDelayMs: 1 }, ...options });
  return { seen, sockets, client };
}

const notFound: Answer = (_, response) => {
  response.writeHead(404, { "content-type": "application/json" }).end('{"code":"not_found","message":"no user"}');
};
const cut: Answer = ({ socket }) => void socket.destroy();
const page =
  (status: number, headers: Readonly<Record<string, string>> = {}, body = "<html></html>"): Answer =>
  (_, response) =>
    void response.writeHead(status, { "content-type": "text/html", ...headers }).end(body);

const failureOf = (call: Promise<unknown>) => call.then(() => expect.fail("it succeeded"), rollcallErrorOf);
const get = (client: RollcallClient, timeoutMs?: number) =>
  failureOf(client.getUser({ id: "u" }, timeoutMs === undefined ? {} : { timeoutMs }));

test("calls have the same deadlines as over gRPC, in whole milliseconds", async () => {
  const { client, seen } = await against(notFound);
  expect(await get(client)).toMatchObject({ code: Code.NotFound, rawMessage: "no user" });
  await get(client, 1_000.25);
  await get(client, 0);
  expect(seen.map(({ timeout }) => timeout)).toEqual(["10000", "1001", undefined]);
});

test("a call that is not answered in time ends, and so does its connection", async () => {
  const { client, sockets } = await against(() => {});
  expect(await get(client, 50)).toMatchObject({ code: Code.DeadlineExceeded });
  await until(() => sockets.size === 0);
});

test("a lost connection is UNAVAILABLE and retried, and each attempt calls the token function", async () => {
  let tokens = 0;
  const { client, seen } = await against(cut, { token: async () => `t${++tokens}` });
  const failure = await get(client);
  expect(failure.code).toBe(Code.Unavailable);
  expect(failure.rawMessage).toMatch(/^cannot reach .*: the connection was closed without an answer; /);
  expect(seen.map(({ authorization }) => authorization)).toEqual(["Bearer t1", "Bearer t2", "Bearer t3", "Bearer t4"]);
});

test.for([
  [301, { location: "https://other.example/x" }, Code.Unknown, /redirects to https:\/\/other\.example,/],
  [401, {}, Code.Unauthenticated, /refuses the call/],
  [404, {}, Code.Unimplemented, /does not pass the call on/],
  [429, {}, Code.Unavailable, /limits/],
  [502, {}, Code.Unavailable, /cannot reach Rollcall/],
  [200, {}, Code.Unknown, /text\/html/],
  [200, { "content-type": "application/json" }, Code.Unknown, /application\/json/],
] as const)(
  "a page with HTTP %i is explained, and its connection is not kept",
  async ([status, headers, code, hint]) => {
    const { client, sockets } = await against(page(status, headers), { retries: false });
    const failure = await get(client);
    expect(failure).toMatchObject({ code, reason: undefined });
    expect(failure.rawMessage).toMatch(new RegExp(`^the server answered HTTP ${status}\\b.*, which is not Rollcall's`));
    expect(failure.rawMessage).toMatch(hint);
    await until(() => sockets.size === 0);
  },
);

test("a proxy's error in JSON is explained", async () => {
  const json = page(503, { "content-type": "application/json" }, '{"error":"no upstream"}');
  const { client } = await against(json, { retries: false });
  const failure = await get(client);
  expect(failure.code).toBe(Code.Unavailable);
  expect(failure.rawMessage).toContain("the server answered an error in JSON, which is not Rollcall's answer: a proxy");
});

describe("with a server", () => {
  let certificates: Certificates;
  beforeAll(() => {
    certificates = createCertificates();
  });
  afterAll(() => certificates.remove());

  async function behindProxy(tls: boolean, options: Partial<ClientOptions> = {}) {
    const server = await startTestServer();
    const proxy = await startHttp1Proxy(server.port, tls ? certificates : undefined);
    onTestFinished(async () => {
      await proxy.stop();
      await server.stop();
    });
    const ca = readFileSync(certificates.ca);
    const client = createRollcallClient({ server: proxy.url, ...(tls && { tls: { ca } }), ...options });
    return { server, proxy, client };
  }

  test("refusals have their reason, fields and metadata", async () => {
    const { client } = await behindProxy(false, { protocol: "connect" });
    expect(await failureOf(client.identify({ id: "u1" }))).toMatchObject({
      code: Code.InvalidArgument,
      reason: "REQUIRED_PROPERTY_MISSING",
      violations: [{ field: "properties.name" }, { field: "properties.email" }],
    });
    const unsendable = { id: "u1", properties: { seen: new Date() as unknown as string } };
    expect((await failureOf(client.identify(unsendable))).violations).toMatchObject([{ field: "properties.seen" }]);
  });

  test("a call is repeated after its answer was lost", async () => {
    const { client, proxy } = await behindProxy(false, { protocol: "connect" });
    proxy.cutNextAnswer();
    const { user } = await client.identify({ id: "u1", properties: ada });
    expect(user?.properties).toEqual(ada);
    expect(proxy.requests).toHaveLength(2);
  });

  test("calls at the same time share a bounded number of connections", async () => {
    const { client, proxy } = await behindProxy(false, { protocol: "connect" });
    let most = 0;
    const calls = Array.from({ length: 200 }, async (_, at) => {
      await client.identify({ id: `u${at}`, properties: ada });
      most = Math.max(most, proxy.connections());
    });
    await Promise.all(calls);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(32);
  });

  test("ALPN chooses HTTP/1.1 for all calls that begin at once, and a stream says what it needs", async () => {
    const { client, proxy } = await behindProxy(true);
    await Promise.all(Array.from({ length: 10 }, (_, at) => client.identify({ id: `u${at}`, properties: ada })));
    expect(proxy.requests).toEqual(Array(10).fill("1.1 application/proto Identify"));
    async function* nothing() {}
    const failure = await failureOf(client.batchIdentify(nothing())[Symbol.asyncIterator]().next());
    expect(failure).toMatchObject({ code: Code.Unimplemented, rawMessage: expect.stringContaining("needs gRPC") });
  });

  test("a stream of answers comes over HTTP/1.1, also as the first call", async () => {
    const { server, proxy } = await behindProxy(true);
    const health = createClient(
      Health,
      createTransport({ server: proxy.url, tls: { ca: readFileSync(certificates.ca) } }),
    );
    const seen: unknown[] = [];
    await failureOf(
      (async () => {
        for await (const { status } of health.watch({ service: "rollcall.v1.UserService" })) {
          seen.push(status);
          void server.drain();
        }
      })(),
    );
    expect(seen).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING]);
    expect(proxy.requests).toEqual(["1.1 application/connect+proto Watch"]);
  });

  test("ALPN is asked again once the server could not be reached", async () => {
    const { client, proxy } = await behindProxy(true, { retries: false });
    await client.identify({ id: "u1", properties: ada });
    const port = Number(new URL(proxy.url).port);
    await proxy.stop();
    expect(await failureOf(client.getUser({ id: "u1" }))).toMatchObject({ code: Code.Unavailable });
    const tls = { tlsCert: certificates.cert, tlsKey: certificates.key };
    const direct = await startTestServer({ port, access: tls });
    onTestFinished(() => direct.stop());
    await client.identify({ id: "u2", properties: ada });
    expect(direct.logs).toContainEqual(expect.objectContaining({ protocol: "grpc" }));
  });

  test("an unknown authority is explained", async () => {
    const { client } = await behindProxy(true, { tls: {}, retries: false });
    const failure = await get(client);
    expect(failure.rawMessage).toContain("is not signed by a trusted authority");
    expect(failure.rawMessage).not.toContain("HTTP/2");
  });

  test("gRPC that was asked for does not give way", async () => {
    const { client } = await behindProxy(true, { protocol: "grpc", retries: false });
    expect((await get(client)).rawMessage).toContain(`protocol: "connect" in TypeScript`);
  });
});
