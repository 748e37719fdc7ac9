import { performance } from "node:perf_hooks";
import { type CommonRedisOptions, Redis, type RedisOptions } from "ioredis";
import type { Address } from "../../../config/address.ts";
import { isForbidden, isRefusedSelect, NotSentError, replyCode, WrongServerError } from "../failures.ts";
import type { RedisAccess } from "./access.ts";
import { causeOf, explained, nameOfServer } from "./failure-words.ts";

const connectTimeoutMs = 1_000;
/** After so long without an answer, a connection is made again. */
const socketTimeoutMs = 1_000;
const maxReconnectPauseMs = 250;
/** After so long, the server's clock is read again, because it may have been set. */
const clockLastsMs = 1_000;

/** The options of every connection. ioredis retries nothing, because calls have their own retries and deadlines. */
export function connectionOptions(access: RedisAccess) {
  const { location, tls } = access;
  return {
    ...(location.username === undefined ? {} : { username: location.username }),
    ...passwordOptions(access),
    ...(location.tls ? { tls: { ...tls } } : {}),
    db: location.database,
    connectTimeout: connectTimeoutMs,
    socketTimeout: socketTimeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: reconnectPause,
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
    // A user with few permissions may not send it, and Redis logs each refusal.
    disableClientInfo: true,
  } satisfies RedisOptions;
}

function passwordOptions({ passwords: { server, sentinel } }: RedisAccess) {
  return {
    ...(server === undefined ? {} : { password: server }),
    ...(sentinel === undefined ? {} : { sentinelPassword: sentinel }),
  };
}

/** The pause before a connection is tried again, in milliseconds. */
export const reconnectPause = (attempt: number) => Math.min(attempt * 10, maxReconnectPauseMs);

type FurtherOptions = Partial<Pick<CommonRedisOptions, "enableOfflineQueue" | "enableReadyCheck" | "retryStrategy">>;

/** Opens a connection to one server. */
export function connect(access: RedisAccess, { host, port }: Address, further: FurtherOptions = {}): Redis {
  return new RedisClient({ ...connectionOptions(access), host, port, ...further });
}

/**
 * ioredis sends INFO to find out whether a server has loaded its data, and is still the primary that Sentinels named. If INFO
 * is forbidden or renamed, this client ignores that: scripts fail by themselves on a wrong server.
 */
export class RedisClient extends Redis {
  constructor(options: RedisOptions & { replyMapping?: never }) {
    super(options);
    ignoreLaterErrors(this);
  }

  override info(...args: readonly unknown[]): Promise<string> {
    const text = super.info().catch((error: Error) => {
      if (isForbidden(error) || /^ERR unknown command/i.test(error.message)) return "";
      throw error;
    });
    const callback = args.at(-1);
    if (typeof callback === "function") {
      text.then(
        (info) => callback(null, info),
        (error: unknown) => callback(error),
      );
    }
    return text;
  }
}

/** ioredis listens for the first error of a socket alone. Over TLS there can be another, which would end the process. */
function ignoreLaterErrors(redis: Redis): void {
  let stream = redis.stream;
  Object.defineProperty(redis, "stream", {
    get: () => stream,
    set(opened: Redis["stream"]) {
      opened.on("error", () => {});
      stream = opened;
    },
  });
}

/** @throws WrongServerError if another server is expected at the address */
type Admission = (redis: Redis) => Promise<void>;

const notYet = "it has not answered yet; does it listen there, and does its process hang?";

/** One connection to a server, and the time of its clock. The connection is made again whenever it breaks. */
export class Connection {
  readonly redis: Redis;
  readonly #name: string;
  readonly #access: RedisAccess;
  #clock: { readonly serverMicros: number; readonly readAt: number } | undefined;
  #reading = false;
  #closed = false;
  #lastError: Error | undefined;
  /** Whether the server refused to select the database, so that the connection is in database 0. */
  #inWrongDatabase = false;
  readonly #admit: Admission;
  /** Whether `admit` has accepted the server at the other end. */
  #admitted = false;

  /** @param admit checks the server of each new connection, before anything else is sent over it */
  constructor(redis: Redis, access: RedisAccess, admit: Admission = async () => {}) {
    this.redis = redis;
    this.#admit = admit;
    this.#access = access;
    this.#name = nameOfServer(redis.options, access);
    // ioredis reads its options on each connect.
    const usePasswords = () => Object.assign(redis.options, passwordOptions(access));
    redis.on("connect", () => {
      this.#inWrongDatabase = false;
    });
    redis.on("ready", () => {
      if (this.#inWrongDatabase) return;
      this.#lastError = undefined;
      this.#readClock();
    });
    redis.on("close", () => {
      usePasswords();
      this.#admitted = false;
      this.forgetClock();
    });
    redis.on("end", () => this.#connectAgain());
    redis.on("error", (error: Error) => {
      // Later errors are consequences.
      if (!this.#inWrongDatabase) this.#lastError = error;
      if (isRefusedSelect(error)) {
        this.#inWrongDatabase = true;
        redis.disconnect(true);
      }
      // Sentinels are asked repeatedly before there is a connection that could close.
      usePasswords();
      access.onConnectionError(new Error(this.explain(error), { cause: error }));
    });
  }

  /**
   * The least that the server's clock shows now, in microseconds.
   *
   * @throws NotSentError if there is no connection
   */
  serverMicros(): number {
    const cause = this.#lastError;
    if (this.redis.status !== "ready" || this.#inWrongDatabase) {
      const reason = cause === undefined ? notYet : explained(cause, this.#access);
      throw new NotSentError(`${this.#name} cannot be reached: ${reason}`, { cause });
    }
    const clock = this.#clock;
    const age = clock === undefined ? Number.POSITIVE_INFINITY : performance.now() - clock.readAt;
    if (age > clockLastsMs) this.#readClock();
    if (clock === undefined) {
      if (cause instanceof WrongServerError) throw new NotSentError(`${this.#name} ${cause.message}`, { cause });
      const reason = cause === undefined ? "" : `: ${explained(cause, this.#access)}`;
      throw new NotSentError(`${this.#name} has not told its time yet${reason}`, { cause });
    }
    return clock.serverMicros + Math.floor(age * 1_000);
  }

  /** Why a command that was sent failed: the cause and the next step. */
  explain(failure: Error): string {
    return `${this.#name}: ${explained(causeOf(failure, this.#lastError), this.#access)}`;
  }

  /** Must be called once the time turns out to be wrong. */
  forgetClock(): void {
    this.#clock = undefined;
  }

  close(): void {
    this.#closed = true;
    this.redis.disconnect();
  }

  /** ioredis gives up a connection for good if it learns of a failover while it asks the Sentinels. */
  #connectAgain(): void {
    if (this.#closed) return;
    setTimeout(() => {
      if (!this.#closed && this.redis.status === "end") this.redis.connect().catch(() => {});
    }, maxReconnectPauseMs);
  }

  async #askTime() {
    if (!this.#admitted) await this.#admit(this.redis);
    this.#admitted = true;
    return this.redis.time();
  }

  #readClock(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#askTime()
      .then(([seconds, micros]) => {
        this.#clock = { serverMicros: Number(seconds) * 1_000_000 + Number(micros), readAt: performance.now() };
        this.#lastError = undefined;
      })
      .catch((error: Error) => {
        if (replyCode(error) !== undefined || error instanceof WrongServerError) this.#lastError = error;
      })
      .finally(() => {
        this.#reading = false;
      });
  }
}
