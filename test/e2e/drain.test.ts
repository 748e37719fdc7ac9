import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "#gen-server/health/v1/health_pb.js";
import { openBesideStore } from "../support/beside-store.ts";
import { holdCall } from "../support/held-call.ts";
import { serve } from "../support/processes.ts";
import { describeError, failureOf } from "../support/rpc-errors.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let directory: string;
let path: string;
let server: TestServer;
/** Another connection that holds the database, so that writes wait. */
let holder: DatabaseSync;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-drain-"));
  path = join(directory, "users.db");
  server = await startTestServer({ store: `sqlite:${path}`, drainTimeoutMs: 5_000 });
  holder = openBesideStore(path);
});
afterEach(async () => {
  holder.close();
  await server.stop();
  rmSync(directory, { recursive: true });
});

const transport = () => createGrpcTransport({ baseUrl: server.url });
/** Calls of one connection arrive in order: once a later one is answered, the earlier ones are under way. */
const hasArrived = (connection: Transport) => createClient(Health, connection).check({});
const refusesAt = (url: string) =>
  fetch(url).then(
    () => false,
    () => true,
  );

test("a call that is under way finishes, and new connections are refused", async () => {
  const connection = transport();
  const users = createClient(UserService, connection);
  await users.identify({ id: "u", properties: ada });
  holder.exec("BEGIN IMMEDIATE");
  const underWay = users.identify({ id: "u", properties: { n: 1 } });
  await hasArrived(connection);
  const drained = server.drain();
  await until(() => refusesAt(server.url));
  holder.exec("ROLLBACK");
  expect((await underWay).user?.properties).toEqual({ ...ada, n: 1 });
  await drained;
});

test("a stream is answered up to what it has sent, and ends UNAVAILABLE with an invitation to come back", async () => {
  const sent = Promise.withResolvers<void>();
  const never = Promise.withResolvers<void>();
  async function* requests() {
    yield { requests: [{ id: "s1", properties: ada }] };
    yield { requests: [{ id: "s2", properties: ada }] };
    sent.resolve();
    await never.promise;
  }
  const answers = createClient(UserService, transport()).batchIdentify(requests())[Symbol.asyncIterator]();
  expect((await answers.next()).value).toMatchObject({ sequence: 0, created: 1 });
  await sent.promise;
  expect((await answers.next()).value).toMatchObject({ sequence: 1, created: 1 });
  const drained = server.drain();
  const end = await answers.next().then(
    () => expect.fail("the stream went on"),
    (error: unknown) => describeError(error),
  );
  expect(end).toMatchObject({ code: "Unavailable", reason: "DRAINING", retry: true });
  never.resolve();
  await drained;
});

test("health turns NOT_SERVING first", async () => {
  const watch = createClient(Health, transport()).watch({})[Symbol.asyncIterator]();
  expect((await watch.next()).value).toMatchObject({ status: Status.SERVING });
  const drained = server.drain();
  expect((await watch.next()).value).toMatchObject({ status: Status.NOT_SERVING });
  expect(await failureOf(watch.next())).toMatchObject({ code: "Unavailable" });
  await drained;
});

test("an idle reflection stream does not hold up the stop", async () => {
  async function* requests() {
    yield { messageRequest: { case: "listServices" as const, value: "*" } };
    await new Promise(() => {});
  }
  const answers = createClient(ServerReflection, transport()).serverReflectionInfo(requests())[Symbol.asyncIterator]();
  expect((await answers.next()).value).toMatchObject({ messageResponse: { case: "listServicesResponse" } });
  const drained = server.drain();
  expect(await failureOf(answers.next())).toMatchObject({ code: "Unavailable", reason: "DRAINING" });
  await drained;
  expect(server.logs.filter(({ level }) => Number(level) >= 40)).toEqual([]);
});

test("a call that outlasts the drain timeout ends UNAVAILABLE, and the server stops", async () => {
  const other = await startTestServer({
    store: `sqlite:${join(directory, "slow.db")}`,
    drainTimeoutMs: 50,
  });
  const blocker = openBesideStore(join(directory, "slow.db"));
  blocker.exec("BEGIN IMMEDIATE");
  const connection = createGrpcTransport({ baseUrl: other.url });
  const outcome = failureOf(createClient(UserService, connection).identify({ id: "u", properties: ada }));
  await hasArrived(connection);
  await other.drain();
  expect(await outcome).toMatchObject({ code: "Unavailable", reason: "DRAINING" });
  blocker.exec("ROLLBACK");
  blocker.close();
  await other.stop();
});

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s ends the program with status 0", async (signal) => {
  const running = await serve(`sqlite:${join(directory, `${signal}.db`)}`);
  expect(await running.stop(signal)).toBe(0);
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s from a terminal and from npm, and a SIGHUP, are one stop",
  async (signal) => {
    let log = "";
    const running = await serve(`sqlite:${join(directory, `${signal}.db`)}`, ["--log-level", "info"], (piece) => {
      log += piece;
    });
    const call = await holdCall(running.url);
    const ended = once(running.child, "close");
    running.child.kill(signal);
    await until(() => log.includes('"stopping"'));
    running.child.kill(signal);
    running.child.kill("SIGHUP");
    await until(() => refusesAt(running.url));
    expect(await call.finish()).toBe(404);
    expect(await ended).toEqual([0, null]);
  },
);

test.each([
  ["SIGHUP", "SIGTERM"],
  ["SIGTERM", "SIGINT"],
  ["SIGINT", "SIGTERM"],
] as const)("%s, and then %s stops at once", async (first, second) => {
  let log = "";
  const running = await serve(`sqlite:${join(directory, `${first}.db`)}`, ["--log-level", "info"], (piece) => {
    log += piece;
  });
  const call = await holdCall(running.url);
  running.child.kill(first);
  await until(() => log.includes('"stopping"'));
  expect(await running.stop(second)).toBe(1);
  await until(() => call.lost());
});
