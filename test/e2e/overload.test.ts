/** What the server does about more than it takes on. */
import { once } from "node:events";
import { type ClientHttp2Stream, connect, constants } from "node:http2";
import { Code, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { createRollcallClient, createTransport } from "../../src/client/index.ts";
import { enveloped, messageOf, openStream, ways } from "../support/grpc-streams.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { failureOf } from "../support/rpc-errors.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { usersOf } from "./exchanges/calls.ts";

const { identify, getUser } = UserService.method;
const overloaded = { code: "ResourceExhausted", reason: "OVERLOADED", retry: true };
const protocols: [string, (baseUrl: string) => Transport][] = [
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-Web", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
  ["Connect JSON", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false })],
];
const maxHeldBytes = 1_000_000;

let redis: RedisProcess;
let server: TestServer;
beforeAll(async () => {
  redis = await startRedis();
  server = await startTestServer({
    store: redis.url,
    limits: { maxCalls: 2, maxStreams: 1, maxArriving: 8, maxOpenRequests: 3, maxHeldBytes },
  });
});
afterAll(async () => {
  await server.stop();
  await redis.stop();
});

test.each(protocols)(
  "%s: a call beyond the most is refused while others are served, and health is not",
  async (_, to) => {
    const client = usersOf(to(server.url));
    redis.kill("SIGSTOP");
    const calls = [1, 2, 3, 4].map((n) => client.identify({ id: `held ${n}`, properties: ada }));
    try {
      expect(await Promise.race(calls.map(failureOf))).toMatchObject(overloaded);
      const health = await fetch(`${server.url}/grpc.health.v1.Health/Check`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      });
      expect(health.status).toBe(200);
    } finally {
      redis.kill("SIGCONT");
    }
    await Promise.allSettled(calls);
    expect((await client.identify({ id: "after", properties: ada })).user?.id).toBe("after");
  },
);

test("a stream beyond the most is refused until another ends", async () => {
  const client = createRollcallClient(server.url);
  const first = openedStream();
  await first.answered();
  const refused = () => failureOf(client.batchIdentify(one())[Symbol.asyncIterator]().next());
  expect(await refused()).toMatchObject(overloaded);
  first.end();
  await until(async () => {
    const answer = await client
      .batchIdentify(one())
      [Symbol.asyncIterator]()
      .next()
      .catch(() => undefined);
    return answer?.done === false;
  });

  async function* one() {
    yield { requests: [] };
  }
  function openedStream() {
    const ended = Promise.withResolvers<void>();
    async function* requests() {
      yield { requests: [] };
      await ended.promise;
    }
    const answers = createRollcallClient(server.url).batchIdentify(requests())[Symbol.asyncIterator]();
    return {
      answered: () => answers.next(),
      end() {
        ended.resolve();
        answers.next().catch(() => {});
      },
    };
  }
});

test("of those who watch over the service's health, the oldest has to go, and a check is answered", async () => {
  const session = connect(server.url);
  const watch = () => {
    const stream = openStream(session, Health.method.watch, {}).on("error", () => {});
    stream.end(enveloped(Buffer.alloc(0)));
    return stream;
  };
  const oldest = watch();
  await once(oldest, "data");
  const others = [watch(), watch()];
  await Promise.all(others.map((stream) => once(stream, "data")));
  const closed = once(oldest, "close");
  const before = await cutOff("oldest");
  expect(await createClient(Health, createTransport({ server: server.url })).check({})).toMatchObject({ status: 1 });
  await closed;
  expect(others.map((stream) => stream.closed)).toEqual([false, false]);
  expect(await cutOff("oldest")).toBeGreaterThan(before);
  session.destroy();
});

/** A server with room for more requests to health than one connection may have. */
async function startRoomy(): Promise<TestServer> {
  const roomy = await startTestServer();
  onTestFinished(() => roomy.stop());
  return roomy;
}

test("of one connection, only a few watch over the service's health, and calls are served", async () => {
  const roomy = await startRoomy();
  const session = connect(roomy.url);
  const streams = Array.from({ length: 17 }, () => openStream(session, Health.method.watch, {}).on("error", () => {}));
  const last = streams.at(-1) ?? expect.fail();
  await new Promise((resolve) => last.on("close", resolve));
  expect(last.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  expect(await roomy.metric('rollcall_requests_refused_total{rollcall_reason="open"}')).toBe(1);
  await expectServed(roomy);
  session.destroy();
});

test("a connection that goes on asking to watch is ended", async () => {
  const roomy = await startRoomy();
  const session = connect(roomy.url).on("error", () => {});
  const ended = new Promise((resolve) => session.on("close", resolve));
  for (let at = 0; at < 400; at++) openStream(session, Health.method.watch, {}).on("error", () => {});
  await ended;
  await expectServed(roomy);
});

describe.each(Object.entries(ways))("%s", (_, way) => {
  test("of calls that are not all there, the oldest has to go", async () => {
    const session = connect(server.url);
    const half = () => {
      const stream = openStream(session, getUser, way).on("error", () => {});
      stream.write(messageOf(getUser, { id: "half" }).subarray(0, 5));
      return stream.resume();
    };
    const before = await cutOff("oldest");
    const oldest = half();
    const ended = way === ways.straight ? once(oldest, "response") : once(oldest, "close");
    const others = Array.from({ length: 8 }, half);
    await ended;
    expect(others.some(({ closed }) => closed)).toBe(false);
    expect(await cutOff("oldest")).toBeGreaterThan(before);
    // Another one has to go for it.
    await expectServed();
    session.destroy();
  });

  test("of requests that do not come to an end, the largest has to go, and small calls are served", async () => {
    const session = connect(server.url);
    const message = messageOf(identify, { id: "large", properties: { ...ada, text: "x".repeat(1_500_000) } });
    const part = (bytes: number) => {
      const stream = openStream(session, identify, way).on("error", () => {});
      stream.write(message.subarray(0, bytes));
      return stream;
    };
    const small = part(200_000);
    const large = part(700_000);
    const before = await cutOff("memory");
    const answered = once(large.resume(), "response");
    const closed = once(large, "close");
    part(300_000);
    const [headers] = await answered;
    expect(headers["grpc-status"]).toBe(String(Code.ResourceExhausted));
    await closed;
    expect(small.closed).toBe(false);
    expect(await cutOff("memory")).toBeGreaterThan(before);
    await expectServed();
    session.destroy();
  });

  test("of answers that are not read, some have to go, and small calls are served", async () => {
    await createRollcallClient(server.url).identify({ id: "long", properties: { ...ada, ...texts(4) } });
    // Of what it does not read, hardly anything is sent.
    const session = connect(server.url, { settings: { initialWindowSize: 1_000 } });
    const streams: ClientHttp2Stream[] = [];
    const before = await cutOff("memory");
    await until(async () => {
      const stream = openStream(session, getUser, way).on("error", () => {});
      stream.end(messageOf(getUser, { id: "long" }));
      streams.push(stream);
      await once(stream, "response");
      return streams.some(({ closed }) => closed);
    });
    expect(streams.length).toBeGreaterThan(3);
    expect(await cutOff("memory")).toBeGreaterThan(before);
    await expectServed();
    session.destroy();
  });
});

async function cutOff(reason: string): Promise<number> {
  return (await server.metric(`rollcall_requests_cut_off_total{rollcall_reason="${reason}"}`)) ?? 0;
}

async function expectServed({ url } = server): Promise<void> {
  const { user } = await usersOf(createTransport({ server: url })).identify({ id: "small", properties: ada });
  expect(user?.id).toBe("small");
}

function texts(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`text ${at}`, "x".repeat(60_000)]));
}
