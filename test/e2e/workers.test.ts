/** `rollcall serve --workers`: several processes behind one port. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "#gen-server/health/v1/health_pb.js";
import { holdCall } from "../support/held-call.ts";
import { listenTo } from "../support/personal-data.ts";
import { rollcall } from "../support/processes.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { ada } from "../support/server.ts";
import { until } from "../support/until.ts";

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** As users start it. */
const program = new URL("../../src/main.ts", import.meta.url).pathname;
const quickLeader = new URL("./quick-leader.ts", import.meta.url).pathname;
/** So that these many processes start sooner. */
const compileCache = new URL("../../node_modules/.cache/node", import.meta.url).pathname;

interface Leader {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** What was logged so far, by it and its workers. */
  readonly log: () => Record<string, unknown>[];
  /** Process ids of all the workers that it has started. */
  readonly workers: () => number[];
  /** Its exit status, once no process of its is left. */
  readonly ended: Promise<number | null>;
}

interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments. */
  readonly more?: readonly string[];
}

/** Starts two workers and who leads them; the test's end ends them. */
function start(
  leader: string,
  store: string,
  { cwd = process.cwd(), env: extra = {}, more = [] }: Surroundings = {},
): Leader {
  const options = ["--listen", "127.0.0.1:0", "--store", store, "--log-level", "debug", ...more];
  const command = leader === program ? ["serve", "--workers", "2", ...options] : options;
  const env = { ...process.env, NODE_COMPILE_CACHE: compileCache, ...extra };
  const child = spawn(process.execPath, [leader, ...command], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (piece) => {
    stdout += piece;
  });
  const told = listenTo("workers");
  child.stderr.setEncoding("utf8").on("data", (piece) => {
    stderr += piece;
    told(piece);
  });
  const ended = once(child, "close").then(([status]) => status);
  onTestFinished(async () => {
    child.kill("SIGTERM");
    child.kill("SIGCONT");
    await ended;
  });
  const log = () => stderr.split("\n").flatMap((line) => (/^{.*}$/.test(line) ? [JSON.parse(line)] : []));
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    log,
    workers: () => log().flatMap(({ msg, worker }) => (msg === "a worker starts" ? [worker] : [])),
    ended,
  };
}

interface Workers extends Leader {
  readonly url: string;
  /** Process ids of the workers that have served a request. */
  readonly served: () => Set<unknown>;
  stop(): Promise<number | null>;
}

async function serveWorkers(leader = program, surroundings: Surroundings = {}): Promise<Workers> {
  const running = start(leader, redis.url, surroundings);
  const url = await until(() => urlIn(running.stdout()));
  return {
    ...running,
    url,
    served: () => new Set(running.log().flatMap(({ msg, pid }) => (msg === "request" ? [pid] : []))),
    stop() {
      running.child.kill("SIGTERM");
      return running.ended;
    },
  };
}

function urlIn(text: string): string {
  const url = /http:\/\/[\d.:]+\d/.exec(text)?.[0];
  if (url === undefined) throw new Error(`no address in: ${text}`);
  return url;
}

/** Stops a process until it is let go on, by the test's end at the latest. */
function freeze(pid: number): void {
  process.kill(pid, "SIGSTOP");
  onTestFinished(() => letGoOn(pid));
}

function letGoOn(pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch {
    // It has ended.
  }
}

const messages = (leader: Leader) => leader.log().map(({ msg }) => msg);

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

test("whoever watches sees each worker: its metrics under its name, and whether it does anything", async () => {
  const leader = start(program, redis.url, { more: ["--metrics-listen", "127.0.0.1:0"] });
  await until(() => leader.stdout().includes("serves on"));
  const served = leader.log().find(({ msg }) => msg === "metrics are served") as { address: AddressInfo } | undefined;
  const ask = (page: string) => fetch(`http://127.0.0.1:${served?.address.port}/${page}`);
  const text = await (await ask("metrics")).text();
  expect(text.match(/^# TYPE process_memory_usage gauge$/gm)).toHaveLength(1);
  expect(text).toMatch(/^process_memory_usage\{worker="1"} [1-9]\d+$/m);
  expect(text).toMatch(/^process_memory_usage\{worker="2"} [1-9]\d+$/m);

  const probes = () => Promise.all(["healthz", "readyz"].map(async (page) => (await ask(page)).status));
  expect(await probes()).toEqual([200, 200]);
  const [, frozen = 0] = leader.workers();
  freeze(frozen);
  expect(await probes()).toEqual([503, 503]);
  letGoOn(frozen);
  expect(await probes()).toEqual([200, 200]);
});

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
  const workers = await serveWorkers(quickLeader);
  const [first = 0] = workers.workers();
  process.kill(first, "SIGKILL");
  await until(async () => {
    await aCall(workers.url).catch(() => {});
    return workers.served().has(workers.workers()[2]) && workers.served().size >= 2;
  });
  expect(workers.log().filter(({ msg }) => String(msg).startsWith("a worker has ended"))).toMatchObject([
    { worker: first, signal: "SIGKILL" },
  ]);
});

test("workers that take the place of all others listen where those did", async () => {
  const workers = await serveWorkers(quickLeader);
  const gone = workers.workers();
  for (const pid of gone) process.kill(pid, "SIGKILL");
  await until(() => aCall(workers.url).then(() => true));
  expect(gone).toHaveLength(2);
  expect(gone).not.toContain([...workers.served()][0]);
});

test("a leader whose workers cannot start again gives up", async () => {
  const workers = await serveWorkers(quickLeader);
  for (const pid of workers.workers()) process.kill(pid, "SIGKILL");
  const { port } = new URL(workers.url);
  const other = await until(async () => {
    const server = createServer().listen(Number(port), "127.0.0.1");
    await once(server, "listening");
    return server;
  });
  onTestFinished(() => void other.close());
  expect(await workers.ended).toBe(1);
  expect(workers.stderr()).toContain("EADDRINUSE");
  expect(workers.log()).toContainEqual(
    expect.objectContaining({ msg: "a worker has ended; another takes its place", status: 1 }),
  );
  expect(workers.log()).toContainEqual(
    expect.objectContaining({ msg: "no worker could take its place; giving up", attempts: 3 }),
  );
});

test("a leader that can start no process gives up as well, and does not log their arguments", async () => {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-workers-"));
  const workers = await serveWorkers(quickLeader, { cwd: directory });
  rmSync(directory, { recursive: true });
  process.kill(workers.workers()[0] ?? 0, "SIGKILL");
  expect(await workers.ended).toBe(1);
  expect(workers.stderr()).toMatch(/"reason":"spawn .* ENOENT"/);
  expect(workers.stderr()).not.toContain("--store");
  expect(messages(workers)).toContain("no worker could take its place; giving up");
});

test("a stop reaches workers that have just been started", async () => {
  const leader = start(program, redis.url);
  await until(() => leader.workers().length === 2);
  leader.child.kill("SIGTERM");
  expect(await leader.ended).toBe(0);
  expect(leader.stdout()).toBe("");
});

test("a stop reaches workers that wait for their store", async () => {
  const connected = Promise.withResolvers<void>();
  const silent = createServer(() => connected.resolve()).listen(0, "127.0.0.1");
  onTestFinished(() => void silent.close());
  await once(silent, "listening");
  const leader = start(program, `redis://127.0.0.1:${(silent.address() as AddressInfo).port}`);
  await connected.promise;
  leader.child.kill("SIGTERM");
  expect(await leader.ended).toBe(0);
  expect(leader.stdout()).toBe("");
});

test("a stop reaches a worker that takes another's place", async () => {
  const workers = await serveWorkers(quickLeader);
  process.kill(workers.workers()[0] ?? 0, "SIGKILL");
  await until(() => workers.workers().length === 3);
  expect(await workers.stop()).toBe(0);
});

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "%s to the leader and its workers, as a terminal sends it, lets calls finish",
  async (signal) => {
    const workers = await serveWorkers();
    const calls = await Promise.all([1, 2, 3, 4].map(() => holdCall(workers.url)));
    for (const pid of [Number(workers.child.pid), ...workers.workers()]) process.kill(pid, signal);
    await until(() => messages(workers).filter((message) => message === "stopping").length === 3);
    expect(await Promise.all(calls.map((call) => call.finish()))).toEqual(calls.map(() => 404));
    expect(await workers.ended).toBe(0);
  },
);

test("a stop goes on where a worker has ended and the leader does not know it yet", async () => {
  const workers = await serveWorkers();
  const calls = await Promise.all([1, 2, 3, 4].map(() => holdCall(workers.url)));
  freeze(workers.child.pid ?? 0);
  process.kill(workers.workers()[0] ?? 0, "SIGKILL");
  await until(() => calls.some((call) => call.lost()));
  workers.child.kill("SIGTERM");
  workers.child.kill("SIGCONT");
  await until(() => messages(workers).filter((message) => message === "stopping").length === 2);
  // The leader may have kept a connection of that worker open until it went on.
  await until(() =>
    aCall(workers.url).then(
      () => false,
      () => true,
    ),
  );
  const left = calls.filter((call) => !call.lost());
  expect(await Promise.all(left.map((call) => call.finish()))).toEqual(left.map(() => 404));
  expect(left).not.toHaveLength(0);
  // The system may let it know of either first, and so of a worker that ended before the stop or during it.
  expect(await workers.ended).toBeOneOf([0, 1]);
  expect(workers.log().at(-1)).toMatchObject({ msg: "stopped", pid: workers.child.pid });
});

test("a worker that does not stop in time is ended by force", async () => {
  const workers = await serveWorkers(quickLeader, { env: { STOP_TIMEOUT_MS: "200" } });
  freeze(workers.workers()[0] ?? 0);
  expect(await workers.stop()).toBe(1);
  expect(messages(workers)).toContain("workers have not stopped in time; they are ended by force");
});

test("workers whose leader is gone finish what they have under way, then end", async () => {
  const workers = await serveWorkers();
  const calls = await Promise.all([1, 2, 3, 4].map(() => holdCall(workers.url)));
  // The frozen one is given a connection that it finds after its leader has gone; it cannot confirm it any more.
  const [frozen = 0] = workers.workers();
  freeze(frozen);
  for (let at = 0; at < 4; at++) {
    holdCall(workers.url).then(
      (call) => calls.push(call),
      () => {},
    );
  }
  await until(() => calls.length === 7);
  workers.child.kill("SIGKILL");
  await once(workers.child, "exit");
  letGoOn(frozen);
  await until(() => messages(workers).filter((message) => message === "stopping").length === 2);
  expect(await Promise.all(calls.map((call) => call.finish()))).toEqual(calls.map(() => 404));
  await workers.ended;
  expect(messages(workers).filter((message) => message === "stopped")).toHaveLength(2);
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
