/** Loads a server and returns figures for each call or user. */
import type { RedisProcess } from "../test/support/redis.ts";
import { batchShape } from "./conditions.ts";
import type { Figures } from "./figures.ts";
import type { BatchJob, UnaryJob, UnaryResult } from "./load/jobs.ts";
import type { LoadProcess } from "./load/load-process.ts";
import { cpuSecondsOf, type ServerProcess } from "./processes.ts";

export interface Lengths {
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Users that are stored, and users that one batch load sends. */
  readonly users: number;
}

/** The bench's own load, or another client's. */
export interface UnaryLoad {
  run(job: UnaryJob, onBegin: () => void): Promise<Omit<UnaryResult, "due">>;
}

export async function loadUnary(
  load: UnaryLoad,
  server: ServerProcess,
  redis: RedisProcess | undefined,
  job: Omit<UnaryJob, "kind" | "port">,
): Promise<Figures> {
  const cpu = new CpuTimes(server, redis);
  const result = await load.run({ kind: "unary", port: server.port, ...job }, () => cpu.begin());
  const times = cpu.perUnit(result.calls);
  if (result.failures > 0) throw new Error(`${result.failures} of ${result.calls} calls failed`);
  const { p50, p99 } = result;
  const perSecond = result.calls / result.seconds;
  return { perSecond, ...times, loadCpu: (result.cpuSeconds / result.calls) * 1e6, p50, p99 };
}

export type BatchKind = "first import" | "unchanged" | "one of eight changed";

/** Sends users that no run has sent before, sends them again, and once more with another value of one property. */
export async function loadBatches(
  load: LoadProcess,
  server: ServerProcess,
  redis: RedisProcess | undefined,
  users: number,
  run: number,
): Promise<[BatchKind, Figures][]> {
  const all: [BatchKind, Figures][] = [];
  const kinds = [
    ["first import", 0],
    ["unchanged", 0],
    ["one of eight changed", 1],
  ] as const;
  for (const [kind, value] of kinds) {
    const cpu = new CpuTimes(server, redis);
    const from = run * users;
    const job: BatchJob = { kind: "batch", port: server.port, ...batchShape, from, to: from + users, value };
    const result = await load.run(job, () => cpu.begin());
    const times = cpu.perUnit(users);
    if (result.failed > 0 || result.created + result.updated + result.unchanged !== users) {
      throw new Error(`of ${users} users, some were not stored`);
    }
    const loadCpu = (result.cpuSeconds / users) * 1e6;
    all.push([kind, { perSecond: users / result.seconds, ...times, loadCpu }]);
  }
  return all;
}

/** CPU time of a server and the Redis below it, from `begin` on. */
export class CpuTimes {
  readonly #server: ServerProcess;
  readonly #redis: RedisProcess | undefined;
  #serverSeconds = 0;
  #redisSeconds = 0;

  constructor(server: ServerProcess, redis: RedisProcess | undefined) {
    this.#server = server;
    this.#redis = redis;
  }

  begin(): void {
    this.#serverSeconds = cpuSecondsOf(this.#server.pid);
    this.#redisSeconds = this.#redis === undefined ? 0 : cpuSecondsOf(this.#redis.pid);
  }

  /** In microseconds. */
  perUnit(units: number): { serverCpu: number; redisCpu: number | undefined } {
    const server = cpuSecondsOf(this.#server.pid) - this.#serverSeconds;
    const redis = this.#redis === undefined ? undefined : cpuSecondsOf(this.#redis.pid) - this.#redisSeconds;
    return { serverCpu: (server / units) * 1e6, redisCpu: redis === undefined ? undefined : (redis / units) * 1e6 };
  }
}
