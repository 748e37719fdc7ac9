/** Concurrent writers of one user, each on condition of an etag, with answers lost on the way: histories are checked. */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, test } from "vitest";
import type { User } from "#gen/rollcall/v1/user_pb.js";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";
import { flaws, type Operation, type State } from "../support/history.ts";
import { seededRandom } from "../support/random.ts";
import { startRedis } from "../support/redis.ts";
import { describeError } from "../support/rpc-errors.ts";
import { ada, startTestServer } from "../support/server.ts";

const writers = 6;
const writesEach = 60;
const tries = 3;

type Users = ReturnType<typeof usersAt>;
const usersAt = (port: number) =>
  createClient(UserService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }));

function stateOf(user: User | undefined): State {
  const { count, by } = user?.properties ?? {};
  return { etag: user?.etag ?? "", count: Number(count), by: String(by) };
}

/** The state that a user is found in, however often the answer is lost. */
async function read(users: Users, history: Operation[]): Promise<State> {
  for (;;) {
    const start = performance.now();
    try {
      const seen = stateOf((await users.getUser({ id: "one" }, { timeoutMs: 5_000 })).user);
      history.push({ kind: "read", start, end: performance.now(), seen });
      return seen;
    } catch (error) {
      expectLost(error);
    }
  }
}

/** Writes on condition of the state before, again where the answer is lost. */
async function write(users: Users, history: Operation[], before: State, by: string): Promise<State | undefined> {
  const start = performance.now();
  const properties = { count: before.count + 1, by };
  const precondition = { condition: { case: "etag" as const, value: before.etag } };
  let lost = false;
  for (let attempt = 0; attempt < tries; attempt++) {
    try {
      const { user } = await users.identify({ id: "one", properties, precondition }, { timeoutMs: 5_000 });
      const made = stateOf(user);
      history.push({ kind: "write", start, end: performance.now(), before, by, made });
      return made;
    } catch (error) {
      if (describeError(error).reason === "ETAG_MISMATCH") {
        // After a lost answer it may be its own effect that it met.
        history.push({ kind: lost ? "lost" : "refused", start, end: performance.now(), before, by });
        return undefined;
      }
      expectLost(error);
      lost = true;
    }
  }
  history.push({ kind: "lost", start, end: performance.now(), before, by });
  return undefined;
}

/** A cut connection has no ErrorInfo; a server that got no answer from its store says so. */
function expectLost(error: unknown): void {
  const { reason, message } = describeError(error);
  expect([undefined, "STORE_UNAVAILABLE"], message).toContain(reason);
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function proxyTo(port: number, seed: number, probability: number): Promise<CuttingProxy> {
  const random = seededRandom(seed);
  const proxy = await startCuttingProxy(port, () => random() < probability);
  cleanups.push(() => proxy.stop());
  return proxy;
}

/** @param ports of one or more servers, over the same store */
async function run(ports: readonly number[]): Promise<{ history: Operation[]; last: State }> {
  const direct = usersAt(ports[0] ?? 0);
  await createUser(direct);
  const history: Operation[] = [];
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      const proxy = await proxyTo(ports[writer % ports.length] ?? 0, writer + 1, 0.03);
      const users = usersAt(proxy.port);
      let state: State | undefined;
      for (let n = 0; n < writesEach; n++) {
        const before = state ?? (await read(users, history));
        state = await write(users, history, before, `${writer}-${n}`);
      }
    }),
  );
  return { history, last: await read(direct, history) };
}

/** With the state number 0. */
async function createUser(users: Users): Promise<void> {
  const request = { id: "one", properties: { ...ada, count: 0, by: "nobody" } };
  for (;;) {
    try {
      await users.identify(request);
      return;
    } catch (error) {
      expectLost(error);
    }
  }
}

function expectLinearizable({ history, last }: { history: Operation[]; last: State }): void {
  expect(flaws(history, last)).toEqual([]);
  const applied = new Set(history.flatMap((op) => (op.kind === "read" ? [op.seen.by] : [])));
  const of = (kind: Operation["kind"]) => history.filter((op) => op.kind === kind);
  // Else it would not have been tried.
  expect(of("write").length).toBeGreaterThan(50);
  expect(of("refused").length).toBeGreaterThan(10);
  expect(of("lost").filter((op) => "by" in op && applied.has(op.by)).length).toBeGreaterThan(0);
}

describe("at most one write on condition of an etag succeeds, and every history is one of a single user", () => {
  test("over SQLite", async () => {
    const server = await startTestServer();
    cleanups.push(() => server.stop());
    expectLinearizable(await run([server.port]));
  });

  test("over Redis, with two servers that lose its answers too", async () => {
    const redis = await startRedis();
    cleanups.push(() => redis.stop());
    const ports: number[] = [];
    const proxies: CuttingProxy[] = [];
    for (const seed of [101, 102]) {
      const proxy = await proxyTo(redis.port, seed, 0.03);
      proxies.push(proxy);
      const server = await startTestServer({ store: `redis://127.0.0.1:${proxy.port}` });
      cleanups.push(() => server.stop());
      ports.push(server.port);
    }
    expectLinearizable(await run(ports));
    expect(Math.min(...proxies.map(({ cuts }) => cuts))).toBeGreaterThan(5);
  });
});

describe("a history is refused", () => {
  const at = (start: number, end: number) => ({ start, end });
  const state = (count: number, by = `w${count}`): State => ({ etag: `e${count}`, count, by });
  const write = (span: { start: number; end: number }, made: State): Operation => ({
    ...span,
    kind: "write",
    before: state(made.count - 1),
    by: made.by,
    made,
  });
  const good = [write(at(0, 2), state(1)), write(at(3, 4), state(2))];

  test("never where it is fine", () => expect(flaws(good, state(2))).toEqual([]));
  test.each<[string, Operation[], State]>([
    ["where two writes succeed on one etag", [...good, write(at(3, 4), { ...state(2), by: "other" })], state(2)],
    [
      "where a refused write was done",
      [...good, { ...at(1, 2), kind: "refused", before: state(1), by: "w2" }],
      state(2),
    ],
    ["where a state comes from nobody", [write(at(0, 2), state(1))], state(2)],
    ["where a read sees what was over", [...good, { ...at(5, 6), kind: "read", seen: state(1) }], state(2)],
    ["where a write is gone", good, state(1)],
  ])("%s", (_, history, last) => expect(flaws(history, last)).not.toEqual([]));
});
