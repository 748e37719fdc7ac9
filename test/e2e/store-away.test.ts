import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "#gen-server/health/v1/health_pb.js";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { failureOf } from "../support/rpc-errors.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let redis: RedisProcess;
let server: TestServer;
beforeEach(async () => {
  redis = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
});
afterEach(async () => {
  await server.stop();
  await redis.stop();
});

const start = async () => {
  server = await startTestServer({ store: redis.url });
};
const users = () => createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
const healthIs = (status: Status) =>
  until(async () => {
    const health = createClient(Health, createGrpcTransport({ baseUrl: server.url }));
    return (await health.check({})).status === status;
  });

test.each(["SIGKILL", "SIGSTOP"] as const)(
  "a store that is away (%s) is UNAVAILABLE within two seconds, and works again by itself",
  async (signal) => {
    await start();
    const client = users();
    await client.identify({ id: "u", properties: ada });
    redis.kill(signal);

    // With a deadline of two seconds: it is not the deadline that ends them.
    const calls = [
      client.identify({ id: "u", properties: { n: 1 } }, { timeoutMs: 2_000 }),
      client.getUser({ id: "u" }, { timeoutMs: 2_000 }),
      client.identify({ id: "v", properties: ada }, { timeoutMs: 2_000 }),
      client.listUsers({}, { timeoutMs: 2_000 }),
      client.batchGetUsers({ ids: ["u"] }, { timeoutMs: 2_000 }),
      client.scanUsers({}, { timeoutMs: 2_000 }),
      client.countUsers({}, { timeoutMs: 2_000 }),
    ];
    const failures = await Promise.all(calls.map(failureOf));
    for (const seen of failures) {
      expect(seen).toMatchObject({ code: "Unavailable", reason: "STORE_UNAVAILABLE", retry: true });
    }
    // Of a read no write can have been applied.
    const read = "the store is not available at the moment";
    const written = `${read}; a write may have been applied`;
    expect(failures.map(({ message }) => message)).toEqual([written, read, written, read, read, read, read]);
    await healthIs(Status.NOT_SERVING);

    if (signal === "SIGKILL") await redis.restart();
    else redis.kill("SIGCONT");
    await healthIs(Status.SERVING);
    const { user } = await client.identify({ id: "u", properties: { n: 2 } });
    expect(user?.properties).toEqual({ ...ada, n: 2 });
  },
);

test("a stream ends UNAVAILABLE at the first message that is not stored", async () => {
  await start();
  const away = Promise.withResolvers<void>();
  async function* requests() {
    yield { requests: [{ id: "a", properties: ada }] };
    await away.promise;
    yield { requests: [{ id: "b", properties: ada }] };
    yield { requests: [{ id: "c", properties: ada }] };
  }
  const answers = users().batchIdentify(requests())[Symbol.asyncIterator]();
  expect((await answers.next()).value).toMatchObject({ sequence: 0, created: 1 });
  redis.kill("SIGKILL");
  away.resolve();
  expect(await failureOf(answers.next())).toMatchObject({
    code: "Unavailable",
    reason: "STORE_UNAVAILABLE",
    retry: true,
  });
  const failures = server.logs.filter(({ msg }) => msg === "a request failed inside");
  expect(failures.length).toBeGreaterThan(0);
});

test("a server that starts while its store is away serves once it is there", async () => {
  redis.kill("SIGKILL");
  await start();
  await healthIs(Status.NOT_SERVING);
  expect(await failureOf(users().getUser({ id: "u" }))).toMatchObject({ code: "Unavailable" });
  await redis.restart();
  await healthIs(Status.SERVING);
  expect(await failureOf(users().getUser({ id: "u" }))).toMatchObject({ code: "NotFound" });
});
