/** Every exchange through every client and protocol that carries it. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { ClientHttp2Session } from "node:http2";
import { ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.js";
import { ErrorReason } from "#gen/rollcall/v1/errors_pb.js";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { Health, HealthCheckResponse_ServingStatus } from "#gen-server/health/v1/health_pb.js";
import { describeEachStore } from "../../support/each-store.ts";
import { type Headers, ways } from "../../support/grpc-streams.ts";
import { encodedCall, errorOf, openSession, type RawExchange, rawExchange } from "../../support/raw-calls.ts";
import { describeError, failureOf, type SeenError } from "../../support/rpc-errors.ts";
import { authorizationOf } from "../../support/scoped-callers.ts";
import { ada, startTestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { httpExchanges, readBodies, refusedBodies, thereQuery } from "./bodies.ts";
import { indexed, longNames, type Refusal, refusals, there, usersOf } from "./calls.ts";
import { bufCurl, type Carrier, carriers, oneOfEach, quickClients, streams } from "./carriers.ts";
import { conversations } from "./conversations.ts";
import { type Frames, frames, seenOf, writerFrames } from "./frames.ts";
import { closeClients, createGrpcJsTransport } from "./grpc-js.ts";
import { openWorld, stateRefusals, type World } from "./states.ts";

afterAll(closeClients);

/** One transport for all the calls of a carrier to a server. */
const transports = new Map<string, Transport>();
function transportOf({ name, connect }: Carrier, url: string): Transport {
  const transport = transports.get(name + url) ?? connect(url);
  transports.set(name + url, transport);
  return transport;
}

const reasons = new Set<string>();

/** What a call failed with, which is small whatever was sent. */
async function failureIn(call: Promise<unknown>): Promise<SeenError> {
  const failure = await call.then(
    () => expect.fail("the call succeeded"),
    (error: unknown) => ConnectError.from(error),
  );
  const bytes = failure.details.reduce((sum, detail) => sum + ("type" in detail ? detail.value.length : 0), 0);
  expect(bytes).toBeLessThan(4_096);
  return describeError(failure);
}

async function expectRefused(refusal: Refusal, call: Promise<unknown>): Promise<void> {
  const { reason, code, metadata = {}, fields = [], retry = false, message } = refusal;
  expect(await failureIn(call)).toEqual({
    ...{ code, reason, domain: "rollcall.v1", metadata, retry },
    violations: fields.map((field) => (typeof field === "string" ? { field, reason } : field)),
    message: message ?? expect.stringMatching(/\w{3}/),
  });
  reasons.add(reason);
}

describeEachStore({ indexed }, (server, _, choose) => {
  describe.each(choose(carriers))("through $name", (carrier) => {
    const transport = () => transportOf(carrier, server().url);
    const users = () => usersOf(transport());
    beforeAll(async () => void (await users().identify({ id: "there", properties: there })));

    test.each(conversations.filter(({ by = quickClients }) => by(carrier)))("$name", async ({ name, hold }) => {
      const id = (part: string | number = "") => `${carrier.name} ${name} ${part}`;
      await hold({ users: users(), id, baseUrl: server().url, isJson: carrier.form === "json" });
    });

    const rows = refusals.filter(({ by = quickClients }) => by(carrier));
    test.each(rows)("$reason is $code: $fields", ({ call, by: _, ...refusal }) =>
      expectRefused(refusal, call(users(), transport())),
    );

    if (oneOfEach(carrier))
      test("an error with many long fields stays small", async () => {
        const { code, violations } = await failureIn(users().identify({ id: "", properties: longNames }));
        expect(code).toBe("InvalidArgument");
        expect(violations.length).toBeGreaterThan(5);
        expect(violations.length).toBeLessThanOrEqual(20);
      });

    // The client that has only JSON makes no stream.
    if (carrier.httpVersion === "2" || carrier.name === "plain JSON") return;
    test("a stream is refused without HTTP/2", async () => {
      async function* requests() {
        yield { requests: [] };
      }
      const refused = () => failureOf(users().batchIdentify(requests())[Symbol.asyncIterator]().next());
      // The server may have closed the connection before a client has sent all, which then sees no answer.
      await until(async () => /505|HTTP\/?2/.test((await refused()).message));
    });
  });
});

describe("a server over Redis", () => {
  let world: World;
  let session: ClientHttp2Session;
  beforeAll(async () => {
    world = await openWorld();
    session = await openSession(world.server.url);
  });
  afterAll(async () => {
    session.close();
    await world.close();
  });
  const clients = (url: string, by = quickClients) =>
    carriers.filter(by).map((carrier) => ({ users: usersOf(transportOf(carrier, url)), name: carrier.name }));

  test.each(stateRefusals)("$reason is $code through all: $message", async ({ bring, call, ...refusal }) => {
    const ids: string[] = [];
    for (const { users, name } of clients(world.server.url)) {
      await users.identify({ id: "there", properties: there });
      ids.push((await users.identify({ id: `${refusal.reason} ${name}`, properties: ada })).user?.id ?? "");
    }
    const { url = world.server.url, undo } = await bring(world, ids);
    const calls = clients(url).map(({ users }, at) => expectRefused(refusal, call(users, ids[at] ?? "")));
    await Promise.all(calls).finally(undo);
  });

  test("DRAINING is Unavailable through all that carry streams", async () => {
    const other = await startTestServer();
    async function* requests(id: string) {
      yield { requests: [{ id, properties: ada }] };
      await new Promise(() => {});
    }
    const calls = clients(other.url, streams).map(({ users, name }) => users.batchIdentify(requests(name)));
    const answers = calls.map((call) => call[Symbol.asyncIterator]());
    for (const answer of answers) expect((await answer.next()).value).toMatchObject({ created: 1 });
    const refusal = { reason: "DRAINING", code: "Unavailable", retry: true } as const;
    const refused = answers.map((answer) => expectRefused(refusal, answer.next()));
    await Promise.all([other.stop(), ...refused]);
  });

  test("every reason of the contract has its row", () => {
    const all = Object.keys(ErrorReason).filter((key) => Number.isNaN(Number(key)) && key !== "UNSPECIFIED");
    expect([...reasons].sort()).toEqual(all.sort());
  });

  async function answersTo(name: string, body: Buffer): Promise<[protocol: string, answer: RawExchange][]> {
    const method = UserService.methods.find((each) => each.name === name) ?? expect.fail(`no method ${name}`);
    const call = (protocol: "grpc" | "grpc-web" | "connect") =>
      encodedCall(method, body, { protocol, encoding: "json", isCompressed: false });
    const { path, headers } = call("connect");
    const plain = await fetch(world.server.url + path, { method: "POST", headers, body: new Uint8Array(body) });
    const plainHeaders = { ...Object.fromEntries(plain.headers), ":status": String(plain.status) };
    return [
      ["HTTP/1.1", { headers: plainHeaders, trailers: {}, body: Buffer.from(await plain.arrayBuffer()) }],
      ["HTTP/2", await rawExchange(session, call("connect"))],
      ["gRPC", await rawExchange(session, call("grpc"))],
      ["gRPC-Web", await rawExchange(session, call("grpc-web"))],
    ];
  }

  const bodies = refusedBodies.map(([body, field, more = {}]) => ({ body, field, more }));
  test.each(bodies)("the body $body is refused: $field", async ({ body, field, more }) => {
    const { method = "Identify", reason = "MALFORMED_REQUEST", description = "", metadata = {}, message } = more;
    for (const [protocol, { headers, trailers, body: answer }] of await answersTo(method, Buffer.from(body))) {
      const error = errorOf({ headers, trailers, body: answer }) ?? expect.fail(`read through ${protocol}`);
      expect(Number(headers[":status"])).toBe(protocol.startsWith("gRPC") ? 200 : 400);
      expect(describeError(error), protocol).toMatchObject({ code: "InvalidArgument", reason, metadata });
      const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
      const violation = { field, reason, description: expect.stringContaining(description) };
      if (field !== undefined) expect(violations, protocol).toMatchObject([violation]);
      if (message !== undefined) expect(error.rawMessage, protocol).toBe(message);
      expect(error.rawMessage + JSON.stringify(violations) + answer, protocol).not.toContain("secret");
    }
    const [client] = clients(world.server.url);
    expect(await client?.users.getUser({ id: "there" })).toMatchObject({
      user: { properties: there, preferences: {} },
    });
  });

  test.each(readBodies)("%s reads %s: %s", async (method, body, text) => {
    for (const [protocol, answer] of await answersTo(method, Buffer.from(body))) {
      expect(errorOf(answer), protocol).toBeUndefined();
      expect(answer.body.toString(), protocol).toContain(text);
    }
  });

  test.each(httpExchanges)("over plain HTTP/1.1, %s", async (_, path, status, { body, headers, answer }) => {
    const sent = { method: "POST", headers: { "content-type": "application/json", ...headers }, body: body ?? "" };
    const seen = await fetch(
      `${world.server.url}/rollcall.v1.UserService/${path}`,
      body === undefined ? { headers: headers ?? {} } : sent,
    );
    const text = await seen.text();
    expect(seen.status, text).toBe(status);
    if (answer === undefined) return;
    expect(JSON.parse(text)).toMatchObject(answer);
    expect(seen.headers.get("content-length"), "its length is known at its beginning").not.toBeNull();
  });

  test("over HTTP/1.1, a target may be in absolute form", async () => {
    const path = `http://elsewhere.example:80/rollcall.v1.UserService/GetUser?${thereQuery}`;
    const sent = request(world.server.url, { path }).end();
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    answer.resume();
    expect(answer.statusCode).toBe(200);
  });

  test.each([
    ["application/grpc; charset=utf-8", "application/grpc+proto"],
    ["application/grpc-web-text", "application/grpc-web+proto"],
    ["application/grpc+json", "application/grpc+json"],
  ])("an error in place of an answer to %s is %s", async (type, answered) => {
    const sent = { method: "POST", headers: { "content-type": type } };
    const seen = await fetch(`${world.server.url}/rollcall.v1.UserService/Nothing`, sent);
    expect([seen.headers.get("content-type"), seen.headers.get("grpc-status")]).toEqual([answered, "12"]);
  });

  async function expectAlike(over: ClientHttp2Session, row: Frames, more: Headers = {}): Promise<void> {
    const sent = { ...row, headers: { ...row.headers, ...more } };
    const { exchange, ...seen } = await seenOf(over, sent, ways.straight);
    const { exchange: _, ...other } = await seenOf(over, sent, ways["through Connect"]);
    expect(seen).toEqual(other);
    expect(exchange.headers).toMatchObject({
      ":status": 200,
      "content-type": "application/grpc+proto",
    });
    expect(seen.told).toContain(String(row.status));
    const error = errorOf(exchange);
    expect(error === undefined).toBe(row.status === 0);
    if (row.reason !== undefined) expect(describeError(error)).toMatchObject({ reason: row.reason });
    if (row.message !== undefined) expect(error?.rawMessage).toMatch(row.message);
  }

  test.each(frames)("both ways of gRPC answer alike: $name", (row) => expectAlike(session, row));

  test.each(writerFrames)("both ways of gRPC answer alike whoever may only write: $name", async (row) => {
    const writer = await openSession(world.guarded.url);
    await expectAlike(writer, row, { authorization: authorizationOf(["users.write"]) });
    writer.close();
  });

  test("grpc-js asks for the server's health", async () => {
    const health = createClient(Health, createGrpcJsTransport(world.server.url, false));
    const status = HealthCheckResponse_ServingStatus.SERVING;
    // The server has noticed that the store answers again.
    for (const service of ["", "rollcall.v1.UserService"])
      await until(async () => expect(await health.check({ service })).toMatchObject({ status }));
    expect(await failureOf(health.check({ service: "other" }))).toMatchObject({ code: "NotFound" });
  });

  test.each(["v1", "v1alpha"])("reflection %s lists every service and method", async (version) => {
    const listed = await bufCurl("--reflect-protocol", `grpc-${version}`, "--list-methods", world.server.url);
    expect(listed.trim().split("\n").sort()).toEqual([
      "grpc.health.v1.Health/Check",
      "grpc.health.v1.Health/List",
      "grpc.health.v1.Health/Watch",
      "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      ...UserService.methods.map(({ name }) => `rollcall.v1.UserService/${name}`).sort(),
    ]);
  });
});
