/** What browsers are told of the pages that may call, over real sockets: by the answers' headers, since there is no browser. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { connect, constants } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { cors } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { enveloped, messageOf, openStream } from "../support/grpc-streams.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const page = "https://app.example.com";
const stranger = "https://elsewhere.example.com";
const path = "/rollcall.v1.UserService/GetUser";
const { getUser } = UserService.method;
const bearer = { authorization: "Bearer secret" };

let directory: string;
/** Asks for a token. */
let server: TestServer;
/** Takes on nothing. */
let full: TestServer;
/** Lets the pages of all origins call. */
let open: TestServer;
/** Says nothing of origins. */
let plain: TestServer;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-cors-"));
  const credentials = join(directory, "credentials.json");
  const sha256 = createHash("sha256").update("secret").digest("hex");
  writeFileSync(credentials, JSON.stringify({ tokens: [{ name: "page", sha256, scopes: ["users.read"] }] }));
  const corsOrigins = ["http://localhost:5173", page];
  [server, full, open, plain] = await Promise.all([
    startTestServer({ access: { corsOrigins, credentials } }),
    startTestServer({ access: { corsOrigins }, limits: { maxCalls: 0 } }),
    startTestServer({ access: { corsOrigins: "*" } }),
    startTestServer(),
  ]);
});
afterAll(async () => {
  await Promise.all([server, full, open, plain].map((running) => running.stop()));
  rmSync(directory, { recursive: true });
});

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

type Send = (to: TestServer, what: Sent) => Promise<Answer>;

const overHttp1: Send = async (to, { method = "POST", path: at = path, headers = {}, body }) => {
  const answer = await fetch(to.url + at, { method, headers, body: body ?? null });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: bytes };
};

const overHttp2: Send = async (to, { method = "POST", path: at = path, headers = {}, body }) => {
  const session = connect(to.url);
  try {
    const stream = session.request({ ":method": method, ":path": at, ...headers }, { endStream: false });
    stream.end(body);
    const [answer] = await once(stream, "response");
    return { status: answer[":status"], headers: answer, body: Buffer.concat(await stream.toArray()) };
  } finally {
    session.close();
  }
};

const preflight = (origin: string): Sent => ({
  method: "OPTIONS",
  headers: {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,connect-protocol-version,content-type",
  },
});

/** The headers by which a browser decides. */
const decisive = ({ headers }: Answer) =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => name === "vary" || name.startsWith("access-control-allow")),
  );
const listOf = (answer: Answer, name: string) => String(answer.headers[name]).toLowerCase().split(",");

const request = create(getUser.input, { id: "nobody" });
const binary = toBinary(getUser.input, request);
const json = Buffer.from(toJsonString(getUser.input, request));
const calls: readonly (Sent & { readonly name: string; readonly status: number })[] = [
  { name: "Connect in binary", headers: { "content-type": "application/proto" }, body: binary, status: 404 },
  { name: "Connect in JSON", headers: { "content-type": "application/json" }, body: json, status: 404 },
  {
    name: "gRPC-Web",
    headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body: new Uint8Array(enveloped(binary)),
    status: 200,
  },
];

describe.each([
  ["HTTP/1.1", overHttp1],
  ["HTTP/2", overHttp2],
] as const)("over %s", (_, send) => {
  test("a page that is listed may send what Connect and gRPC-Web need, a token and a trace's context", async () => {
    const answer = await send(server, preflight(page));
    expect(answer).toMatchObject({ status: 204, headers: { "access-control-max-age": "7200" } });
    expect(answer.headers["access-control-allow-origin"]).toBe(page);
    expect(answer.headers["vary"]).toBe("Origin");
    expect(answer.headers).not.toHaveProperty("access-control-allow-credentials");
    expect(listOf(answer, "access-control-allow-methods")).toEqual(["post", "get"]);
    const needed = [...cors.allowedHeaders, "Authorization", "traceparent", "tracestate"];
    expect(listOf(answer, "access-control-allow-headers")).toEqual(
      expect.arrayContaining(needed.map((name) => name.toLowerCase())),
    );
  });

  test("a preflight is answered where no call would be taken on", async () => {
    expect((await send(full, preflight(page))).status).toBe(204);
  });

  test("the preflight of another page is not granted", async () => {
    for (const origin of [stranger, `${page}:8443`, "http://app.example.com", "null"]) {
      const answer = await send(server, preflight(origin));
      expect(answer.status, origin).toBe(405);
      expect(decisive(answer), origin).toEqual({ vary: "Origin" });
    }
  });

  test.each(calls)("a page may read what $name is answered", async ({ status, ...call }) => {
    const answer = await send(server, { ...call, headers: { origin: page, ...bearer, ...call.headers } });
    expect(answer.status).toBe(status);
    expect(answer.body.length + String(answer.headers["grpc-status"] ?? "").length).toBeGreaterThan(0);
    expect(decisive(answer)).toEqual({ "access-control-allow-origin": page, vary: "Origin" });
    const exposed = listOf(answer, "access-control-expose-headers");
    expect(exposed).toEqual(expect.arrayContaining(["grpc-status", "grpc-message", "grpc-status-details-bin"]));
  });

  test.each<[string, () => TestServer, Sent, number]>([
    ["nobody has shown a token", () => server, {}, 401],
    ["the request cannot be read", () => server, { headers: bearer, body: Buffer.from("{") }, 400],
    ["the server has too much to do", () => full, {}, 429],
    ["there is no such method", () => server, { path: "/rollcall.v1.UserService/Nothing" }, 404],
    ["the content type is none", () => server, { headers: { "content-type": "text/plain" } }, 415],
    ["the HTTP method is none", () => server, { method: "DELETE" }, 405],
  ])("a page may read the error where %s, and another may not", async (_case, to, sent, status) => {
    const call: Sent = { body: json, ...sent };
    const from = (origin: string) => ({ origin, "content-type": "application/json", ...sent.headers });
    const answer = await send(to(), { ...call, headers: from(page) });
    expect(answer.status).toBe(status);
    expect(decisive(answer)).toEqual({ "access-control-allow-origin": page, vary: "Origin" });
    const elsewhere = await send(to(), { ...call, headers: from(stranger) });
    expect(elsewhere.status).toBe(status);
    expect(decisive(elsewhere)).toEqual({ vary: "Origin" });
  });

  test("where all origins may call, answers are the same for each", async () => {
    expect(decisive(await send(open, preflight(stranger)))).toMatchObject({ "access-control-allow-origin": "*" });
    const call = { headers: { "content-type": "application/json" }, body: json };
    const headers = { ...call.headers, origin: stranger };
    expect(decisive(await send(open, { ...call, headers }))).toEqual({ "access-control-allow-origin": "*" });
  });

  test("where no origin is listed, no answer has a header of CORS", async () => {
    for (const sent of [
      preflight(page),
      { headers: { origin: page, "content-type": "application/json" }, body: json },
    ]) {
      const answer = await send(plain, sent);
      expect(Object.keys(answer.headers).filter((name) => /^(vary|access-control-.*)$/.test(name))).toEqual([]);
    }
    expect((await send(plain, preflight(page))).status).toBe(405);
  });
});

test("a preflight whose request goes on without an end is answered, and done with: over HTTP/2 its stream", async () => {
  const session = connect(server.url);
  onTestFinished(() => session.close());
  const headers = preflight(page).headers ?? {};
  const stream = session.request({ ":method": "OPTIONS", ":path": path, ...headers }, { endStream: false });
  stream.write(Buffer.alloc(64 * 1024));
  const [answer] = await once(stream, "response");
  expect(answer[":status"]).toBe(204);
  expect(answer.date).toBeDefined();
  stream.resume();
  await once(stream, "close");
  expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
});

test("and over HTTP/1.1 its connection", async () => {
  const request = httpRequest(server.url + path, { method: "OPTIONS", headers: preflight(page).headers });
  const closed = new Promise((resolve) => request.once("close", resolve));
  request.on("error", () => {}).write(Buffer.alloc(64 * 1024));
  const [answer] = await once(request, "response");
  expect(answer.statusCode).toBe(204);
  await closed;
});

test("a connection over HTTP/1.1 serves what follows a preflight", async () => {
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const reused: boolean[] = [];
  for (const sent of [preflight(page), { method: "GET", headers: { origin: page } }]) {
    const request = httpRequest(server.url + path, { ...sent, agent }).end();
    const [answer] = await once(request, "response");
    await once(answer.resume(), "end");
    reused.push(request.reusedSocket);
    await until(() => Object.keys(agent.freeSockets).length === 1);
  }
  expect(reused).toEqual([false, true]);
});

test("gRPC on HTTP/2's own streams, which no browser speaks, has no header of CORS", async () => {
  const session = connect(server.url);
  onTestFinished(() => session.close());
  const stream = openStream(session, getUser, { origin: page, ...bearer });
  stream.end(messageOf(getUser, { id: "nobody" }));
  const [answer] = await once(stream, "response");
  stream.resume();
  expect(Object.keys(answer).filter((name) => /^(vary|access-control-.*)$/.test(name))).toEqual([]);
});
