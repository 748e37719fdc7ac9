/** Whole calls, under load: what they cost, and what they cost servers without one of the parts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRollcallClient, importUsers } from "../../src/client/index.ts";
import { type RedisProcess, startRedis } from "../../test/support/redis.ts";
import { redisArgs } from "../conditions.ts";
import type { BatchJob } from "../load/jobs.ts";
import { LoadProcess } from "../load/load-process.ts";
import { CpuTimes, loadUnary } from "../loads.ts";
import { median } from "../median.ts";
import { type ServerProcess, startPeer, startRollcall } from "../processes.ts";
import { type CallCosts, type Comparison, cpuMicros } from "./measure.ts";
import { items } from "./samples.ts";

const unary = { connections: 4, inFlight: 32, warmUpSeconds: 0.1, seconds: 0.5, users: 20_000 };
/** Fewer users in flight than in other benches: without lanes, each of them is a script call. */
const batch = { connections: 2, perMessage: 200, messagesInFlight: 1, from: 0, to: unary.users };
/** Of each method, before anything is measured: a server runs new code more slowly. */
const warmUpSeconds = 2;
const methods = ["Identify", "GetUser", "BatchIdentify"] as const;
type Method = (typeof methods)[number];

/** A way to serve calls without one of the parts. */
interface Way {
  readonly part: string;
  readonly against: string;
  readonly start: (redis: string) => Promise<ServerProcess>;
  readonly throughConnect?: true;
  /** The methods that the part serves. */
  readonly methods: readonly Method[];
  /** Whether it changes what Redis does, too. */
  readonly changesRedis?: true;
}

const startWhole = (redis: string) => startRollcall(redis, ["--required-properties", ""]);

function startWithout(module: string, replacement: string): (redis: string) => Promise<ServerProcess> {
  const hooks = new URL("./replace-module.ts", import.meta.url);
  hooks.search = String(new URLSearchParams({ of: module, by: replacement }));
  return (redis) => startRollcall(redis, ["--required-properties", ""], ["--import", hooks.href]);
}

const ways: readonly Way[] = [
  {
    part: "gRPC on Node's streams (`rpc/grpc`)",
    against: "Connect's handlers",
    start: startWhole,
    throughConnect: true,
    methods,
  },
  {
    part: "Lanes (`store/lanes`)",
    against: "a script call for each user",
    start: (redis) => startPeer("rollcall-uncoalesced", redis),
    methods,
    changesRedis: true,
  },
  {
    part: "`rpc/messages/read-identify`",
    against: "the general reader, `read-binary`",
    start: startWithout("rpc/messages/read-identify.ts", "read-identify-never.ts"),
    methods,
  },
  {
    part: "`rpc/messages/write-user`",
    against: "protobuf-es: `BinaryWriter`",
    start: startWithout("rpc/messages/write-user.ts", "write-user-with-writer.ts"),
    methods: ["Identify", "GetUser"],
  },
  {
    part: "`rpc/messages/write-user`",
    against: "protobuf-es: `toBinary`",
    start: startWithout("rpc/messages/write-user.ts", "write-user-as-message.ts"),
    methods: ["Identify", "GetUser"],
  },
];

interface Figures {
  readonly serverCpu?: number | undefined;
  readonly redisCpu?: number | undefined;
}

/** Loads servers, each call with another value of the property that changes. */
class Calls {
  readonly #load: LoadProcess;
  readonly #redis: RedisProcess;
  #value = 0;

  constructor(load: LoadProcess, redis: RedisProcess) {
    this.#load = load;
    this.#redis = redis;
  }

  async call(method: Method, server: ServerProcess, throughConnect = false, seconds = unary.seconds): Promise<Figures> {
    if (method === "BatchIdentify") return this.batch(server, { throughConnect });
    const job = { ...unary, method, seconds, seed: ++this.#value, throughConnect };
    return loadUnary(this.#load, server, this.#redis, job);
  }

  async batch(server: ServerProcess, job: Partial<BatchJob> = {}): Promise<Figures> {
    const cpu = new CpuTimes(server, this.#redis);
    const all = { kind: "batch", ...batch, port: server.port, value: ++this.#value, ...job } as const;
    const { failed, users } = await this.#load.run(all, () => cpu.begin());
    if (failed > 0) throw new Error(`${failed} users were refused`);
    return cpu.perUnit(users);
  }
}

/** CPU time in microseconds by the name of a call, in every round. */
class Costs {
  readonly #rounds = new Map<string, number[]>();

  add(call: string, micros = 0): void {
    this.#rounds.set(call, [...this.of(call), micros]);
  }

  of(call: string): readonly number[] {
    return this.#rounds.get(call) ?? [];
  }

  medians(): CallCosts {
    return new Map(Array.from(this.#rounds, ([call, micros]) => [call, median(micros)]));
  }
}

export async function measureCalls(rounds: number): Promise<{ comparisons: Comparison[]; costs: CallCosts }> {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
  stack.defer(() => rmSync(directory, { recursive: true }));
  const running = async (starting: Promise<ServerProcess>) => stack.adopt(await starting, (process) => process.stop());
  const redis = stack.adopt(await startRedis({ args: redisArgs }), (process) => process.stop());
  const whole = { server: await running(startWhole(redis.url)), costs: new Costs(), throughConnect: false };
  const others = [];
  for (const way of ways) {
    const { throughConnect = false } = way;
    others.push({ way, server: await running(way.start(redis.url)), costs: new Costs(), throughConnect });
  }
  const sqlite = await running(startRollcall(`sqlite:${join(directory, "users.db")}`));
  const load = stack.adopt(new LoadProcess(), (process) => process.stop());
  const calls = new Calls(load, redis);

  const servers = [whole, ...others];
  for (const { server, throughConnect } of servers) {
    // GetUser needs users.
    await calls.batch(server);
    for (const method of methods) await calls.call(method, server, throughConnect, warmUpSeconds);
  }
  for (let round = 0; round < rounds; round++) {
    // Each has its turn to be the first, and all are called equally often.
    const first = round % servers.length;
    const turn = [...servers.slice(first), ...servers.slice(0, first)];
    for (const method of methods) {
      for (const { server, costs, throughConnect } of turn) {
        const { serverCpu, redisCpu } = await calls.call(method, server, throughConnect);
        costs.add(method, serverCpu);
        costs.add(`${method}, Redis`, redisCpu);
      }
    }
    await measureOthers(calls, whole, sqlite);
  }

  const connect = others.find(({ throughConnect }) => throughConnect);
  const costs = new Map(whole.costs.medians());
  for (const method of methods) costs.set(`${method} through Connect`, median(connect?.costs.of(method) ?? []));
  const comparisons = others.flatMap(({ way, costs }) => {
    const { part, against, methods, changesRedis } = way;
    const names = methods.flatMap((method) => (changesRedis ? [method, `${method}, Redis`] : [method]));
    return names.map((call): Comparison => {
      const plain = costs.of(call);
      const pairs = whole.costs.of(call).map((ours, round) => ({ ours, plain: plain[round] ?? 0 }));
      return { part, against, call, rounds: pairs };
    });
  });
  return { comparisons, costs };
}

/** Measures calls that only the shares of codecs are computed from. */
async function measureOthers(
  calls: Calls,
  { server, costs }: { server: ServerProcess; costs: Costs },
  sqlite: ServerProcess,
): Promise<void> {
  costs.add("BatchIdentify, SQLite", (await calls.batch(sqlite)).serverCpu);
  for (const [properties, perMessage] of [
    [64, 250],
    [512, 31],
  ] as const) {
    // Users of their own: others would have too many properties.
    const from = 100_000 * properties;
    const job = { properties, perMessage, from, to: from + 64_000 / properties };
    costs.add(`BatchIdentify, ${properties} properties`, (await calls.batch(server, job)).serverCpu);
  }
  costs.add("importUsers, the client", await importOnce(server));
}

/** CPU time of this process for each user that it imports, in microseconds. */
async function importOnce({ port }: ServerProcess): Promise<number> {
  const repeats = 20;
  const client = createRollcallClient(`http://127.0.0.1:${port}`);
  const before = cpuMicros();
  await importUsers(client, repeated(repeats), { onRefused: (_, { reason }) => fail(reason) });
  return (cpuMicros() - before) / (repeats * items.length);
}

function* repeated(times: number) {
  for (let time = 0; time < times; time++) yield* items;
}

function fail(reason: string): never {
  throw new Error(`a user was refused: ${reason}`);
}
