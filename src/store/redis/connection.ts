import { performance } from "node:perf_hooks";
import { Redis, type RedisOptions } from "ioredis";
import type { Endpoint, RedisLocation } from "../../config/redis-url.ts";
import { NotSentError } from "./failures.ts";

const connectTimeoutMs = 1_000;
/** Without an answer for so long, a connection is made anew. */
const socketTimeoutMs = 1_000;
const maxReconnectPauseMs = 250;
/** After it, the server's clock is read again: it may have been set. */
const clockLastsMs = 1_000;

/** In PEM. */
interface RedisTls {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

interface Credentials {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export interface RedisAccess {
  readonly location: RedisLocation;
  readonly tls: RedisTls | undefined;
  /** Who to be to the Sentinels. */
  readonly sentinel: Credentials | undefined;
  /** Called with each failure of a connection, which is then made again. */
  readonly onConnectionError: (error: Error) => void;
}

/** What every connection has in common. Waiting and trying again is done for whole calls, so that their bounds hold. */
export function connectionOptions({ location, tls }: RedisAccess) {
  return {
    ...(location.username === undefined ? {} : { username: location.username }),
    ...(location.password === undefined ? {} : { password: location.password }),
    ...(location.tls ? { tls: { ...tls } } : {}),
    db: location.database,
    connectTimeout: connectTimeoutMs,
    socketTimeout: socketTimeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: reconnectPause,
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  } satisfies RedisOptions;
}

/** Between two attempts to connect, in milliseconds. */
export const reconnectPause = (attempt: number) => Math.min(attempt * 10, maxReconnectPauseMs);

/** Opens a connection to one server. */
export function connect(access: RedisAccess, { host, port }: Endpoint): Redis {
  return new Redis({ ...connectionOptions(access), host, port });
}

/** One connection to a server, and what its clock says. The connection is made again whenever it breaks. */
export class Connection {
  readonly redis: Redis;
  #clock: { readonly serverMicros: number; readonly readAt: number } | undefined;
  #reading = false;
  #closed = false;
  #lastError: Error | undefined;

  /** @param onError called with each failure of the connection */
  constructor(redis: Redis, onError: (error: Error) => void) {
    this.redis = redis;
    redis.on("ready", () => this.#readClock());
    redis.on("close", () => this.forgetClock());
    redis.on("end", () => this.#connectAgain());
    redis.on("error", (error: Error) => {
      this.#lastError = error;
      onError(error);
    });
  }

  /**
   * What the server's clock shows now at least, in microseconds.
   *
   * @throws NotSentError if the connection is not there
   */
  serverMicros(): number {
    if (this.redis.status !== "ready") {
      const reason = this.#lastError?.message ?? "the connection is being made";
      throw new NotSentError(`Redis cannot be reached: ${reason}`);
    }
    const clock = this.#clock;
    const age = clock === undefined ? Number.POSITIVE_INFINITY : performance.now() - clock.readAt;
    if (age > clockLastsMs) this.#readClock();
    if (clock === undefined) throw new NotSentError("Redis' clock is not known yet");
    return clock.serverMicros + Math.floor(age * 1_000);
  }

  /** After it was found to be wrong. */
  forgetClock(): void {
    this.#clock = undefined;
  }

  close(): void {
    this.#closed = true;
    this.redis.disconnect();
  }

  /** ioredis gives a connection up for good if it learns of a failover while it asks the Sentinels. */
  #connectAgain(): void {
    if (this.#closed) return;
    setTimeout(() => {
      if (!this.#closed && this.redis.status === "end") this.redis.connect().catch(() => {});
    }, maxReconnectPauseMs);
  }

  #readClock(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.redis
      .time()
      .then(([seconds, micros]) => {
        this.#clock = { serverMicros: Number(seconds) * 1_000_000 + Number(micros), readAt: performance.now() };
      })
      .catch((error: Error) => {
        this.#lastError = error;
      })
      .finally(() => {
        this.#reading = false;
      });
  }
}
