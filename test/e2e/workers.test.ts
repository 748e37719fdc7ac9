/** `rollcall serve --workers`: several processes behind one port. */
import { once } from "node:events";
import { request } from "node:http";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "#gen-server/health/v1/health_pb.js";
import { rollcall, type ServeProcess, serve } from "../support/processes.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { ada } from "../support/server.ts";
import { until } from "../support/until.ts";

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

interface Workers extends ServeProcess {
  /** What was logged so far. */
  readonly log: () => Record<string, unknown>[];
  /** Process ids of the workers that have served a request. */
  readonly served: () => Set<unknown>;
}

async function serveWorkers(...args: string[]): Promise<Workers> {
  let text = "";
  const running = await serve(redis.url, ["--workers", "2", "--log-level", "debug", ...args], (piece) => {
    text += piece;
  });
  onTestFinished(async () => {
    await running.stop();
  });
  const log = () => text.split("\n").flatMap((line) => (line.endsWith("}") ? [JSON.parse(line)] : []));
  return {
    ...running,
    log,
    served: () => new Set(log().flatMap(({ msg, pid }) => (msg === "request" ? [pid] : []))),
  };
}

const usersOver = (url: string) => createClient(UserService, createGrpcTransport({ baseUrl: url }));

/** A call on a connection of its own. What a process has just been given when it ends is lost: it waits for half a second. */
async function aCall(url: string): Promise<void> {
  const call = request(`${url}/rollcall.v1.UserService/GetUser`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    agent: false,
    signal: AbortSignal.timeout(500),
  });
  call.end('{"id":"place"}');
  const [answer] = await once(call, "response");
  answer.resume();
  await once(answer, "end");
}

test("connections are spread over the workers, which share their users and are healthy", async () => {
  const workers = await serveWorkers();
  const ids = Array.from({ length: 8 }, (_, at) => `worker-${at}`);
  for (const id of ids) await usersOver(workers.url).identify({ id, properties: ada });
  for (const id of ids) expect((await usersOver(workers.url).getUser({ id })).user?.id).toBe(id);
  await until(() => workers.served().size === 2);
  for (let at = 0; at < 4; at++) {
    const health = createClient(Health, createGrpcTransport({ baseUrl: workers.url }));
    expect((await health.check({})).status).toBe(Status.SERVING);
  }
});

test("a stop lets every worker finish what it has under way", async () => {
  const workers = await serveWorkers();
  const held = Promise.withResolvers<void>();
  const streams = Array.from({ length: 4 }, async (_, stream) => {
    async function* requests() {
      yield { requests: [{ id: `stop-${stream}`, properties: ada }] };
      await held.promise;
    }
    const answers: unknown[] = [];
    try {
      for await (const answer of usersOver(workers.url).batchIdentify(requests())) answers.push(answer);
    } catch (error) {
      return { answers, error: String(error) };
    }
    return { answers, error: undefined };
  });
  const users = usersOver(workers.url);
  await until(() =>
    users.batchGetUsers({ ids: [0, 1, 2, 3].map((at) => `stop-${at}`) }).then(({ users }) => users.length === 4),
  );
  expect(await workers.stop()).toBe(0);
  held.resolve();
  for (const { answers, error } of await Promise.all(streams)) {
    expect(answers).toHaveLength(1);
    expect(error).toMatch(/unavailable/);
  }
});

test("another worker takes the place of one that ends", async () => {
  const workers = await serveWorkers();
  await until(async () => {
    await usersOver(workers.url).identify({ id: "place", properties: ada });
    return workers.served().size === 2;
  });
  const [first] = workers.served();
  process.kill(Number(first), "SIGKILL");
  await until(async () => {
    await aCall(workers.url).catch(() => {});
    return workers.served().size === 3;
  });
  expect(workers.log().filter(({ msg }) => String(msg).startsWith("a worker has ended"))).toMatchObject([
    { worker: first, signal: "SIGKILL" },
  ]);
});

test("workers end with the process that leads them", async () => {
  const workers = await serveWorkers();
  workers.child.kill("SIGKILL");
  await once(workers.child, "exit");
  await until(() =>
    fetch(workers.url).then(
      () => false,
      () => true,
    ),
  );
});

test("more than one worker over SQLite is refused with the reason", async () => {
  const { status, stderr } = await rollcall(["serve", "--workers", "2", "--store", "sqlite:never.db"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^rollcall: --workers 2 needs a --store that processes can share, which SQLite is not/);
});

test("workers that cannot start end with the reason", async () => {
  const { status, stderr } = await rollcall([
    ...["serve", "--workers", "2", "--store", redis.url, "--log-level", "error"],
    ...["--listen", `127.0.0.1:${redis.port}`],
  ]);
  expect(status).toBe(1);
  expect(stderr).toContain("EADDRINUSE");
  expect(stderr).toContain("rollcall: a worker could not start");
});

test.each(["0", "-1", "1.5", "many", "1000"])("--workers %s is refused", async (count) => {
  const { status, stderr } = await rollcall(["serve", `--workers=${count}`]);
  expect(status).toBe(1);
  expect(stderr).toContain("Expected a number of processes from 1 to 256, or auto.");
});
