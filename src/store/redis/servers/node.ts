import { performance } from "node:perf_hooks";
import { type Address, formatAddress } from "../../../config/address.ts";
import { commandOf } from "../command.ts";
import { NotSentError, replyCode, UnansweredError } from "../failures.ts";
import type { RedisCall } from "../script.ts";
import type { Connection } from "./connection.ts";
import { within } from "./within.ts";

/** How long one attempt may take. After that it cannot be applied any more. */
const attemptMs = 500;
/** How long an attempt waits for replicas. The rest of its time is for the network. */
const waitMs = 400;

interface Attempt {
  readonly call: RedisCall;
  readonly asking: boolean;
  /** The time of `performance.now()` after which it is not sent. */
  readonly sendBy: number;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * One server. Makes calls, each in one attempt. An attempt that writes is applied within `attemptMs` of being sent, or never.
 * After so long it is safe to send it again, because no late copy can follow.
 *
 * If replicas are waited for, attempts that write travel in groups: a group is one pipeline that ends in a WAIT, and what
 * arrives meanwhile makes up the next group. Reads have a connection of their own then, because WAIT blocks its connection.
 */
export class RedisNode {
  readonly endpoint: Address;
  readonly #writer: Connection;
  readonly #reader: Connection;
  readonly #waitReplicas: number;
  #group: Attempt[] = [];
  #grouping = false;

  /** @param open opens one connection to the server */
  constructor(endpoint: Address, open: () => Connection, waitReplicas: number) {
    this.endpoint = endpoint;
    this.#waitReplicas = waitReplicas;
    this.#writer = open();
    this.#reader = waitReplicas > 0 ? open() : this.#writer;
  }

  /**
   * @param asking whether the server was named by ASK
   * @param sendBy the time of `performance.now()` after which it is not sent
   * @returns the reply
   * @throws NotSentError, UnansweredError, or the error reply of Redis
   */
  run(call: RedisCall, asking: boolean, sendBy: number): Promise<unknown> {
    if (!call.writes) return this.#read(call, asking);
    if (this.#waitReplicas === 0) return this.#write(call, asking);
    return new Promise((resolve, reject) => {
      this.#group.push({ call, asking, sendBy, resolve, reject });
      if (!this.#grouping) void this.#sendGroups();
    });
  }

  get address(): string {
    return formatAddress(this.endpoint);
  }

  /** A section of INFO, by name. */
  async info(section: string): Promise<ReadonlyMap<string, string>> {
    this.#reader.serverMicros();
    const text = String(await within(attemptMs, this.#reader.redis.call("INFO", section)));
    const lines = text.split("\r\n").filter((line) => line.includes(":"));
    return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
  }

  /**
   * A step through the keys that match a pattern.
   *
   * @param count about how many keys are examined
   * @returns some of the keys, and the next cursor, which is 0 at the end
   */
  async scan(cursor: string, pattern: string, count: number): Promise<{ cursor: string; keys: readonly Buffer[] }> {
    this.#reader.serverMicros();
    const step = this.#reader.redis.scanBuffer(cursor, "MATCH", pattern, "COUNT", count);
    const [next, keys] = await within(attemptMs, step);
    return { cursor: next.toString(), keys };
  }

  /** Sends a command. @returns its reply */
  async ask(command: string, ...args: readonly string[]): Promise<unknown> {
    this.#reader.serverMicros();
    return within(attemptMs, this.#reader.redis.call(command, ...args));
  }

  /** Must be called after the server found an attempt expired: its clock was set, or it was slow. */
  forgetClock(): void {
    this.#writer.forgetClock();
  }

  close(): void {
    this.#writer.close();
    this.#reader.close();
  }

  async #read(call: RedisCall, asking: boolean): Promise<unknown> {
    const connection = this.#ready(this.#reader);
    return this.#answered(
      connection,
      bySource((source) => send(connection.redis, call, source, asking, [])),
      performance.now() + attemptMs,
    );
  }

  async #write(call: RedisCall, asking: boolean): Promise<unknown> {
    const connection = this.#ready(this.#writer);
    const expiry = connection.serverMicros() + attemptMs * 1_000;
    const overAt = performance.now() + attemptMs;
    return this.#answered(
      connection,
      bySource((source) => send(connection.redis, call, source, asking, [expiry, 0])),
      overAt,
    );
  }

  async #sendGroups(): Promise<void> {
    this.#grouping = true;
    // What arrives in the same tick joins the first group.
    await Promise.resolve();
    while (this.#group.length > 0) {
      const attempts = this.#group;
      this.#group = [];
      const now = performance.now();
      const late = attempts.filter(({ sendBy }) => sendBy < now);
      for (const { reject } of late) reject(new NotSentError("Redis was too busy to send to"));
      await this.#sendGroup(attempts.filter((attempt) => !late.includes(attempt)));
    }
    this.#grouping = false;
  }

  /** Settles each attempt of the group. */
  async #sendGroup(attempts: readonly Attempt[], sources = false): Promise<void> {
    if (attempts.length === 0) return;
    let expiry: number;
    try {
      expiry = this.#ready(this.#writer).serverMicros() + attemptMs * 1_000;
    } catch (error) {
      for (const { reject } of attempts) reject(error);
      return;
    }
    const { redis } = this.#writer;
    const overAt = performance.now() + attemptMs;
    const answers = attempts.map(({ call, asking }) => send(redis, call, sources, asking, [expiry, 1]));
    const waited = within(attemptMs, redis.wait(this.#waitReplicas, waitMs)).then((count) => {
      if (count < this.#waitReplicas) throw new Error(`${count} of ${this.#waitReplicas} replicas have the write`);
    });
    const confirmed = waited.then(
      () => undefined,
      (error: unknown) => error ?? new Error("no answer to WAIT"),
    );
    const settled = await Promise.allSettled(answers.map((answer) => this.#answered(this.#writer, answer, overAt)));
    const unknown: Attempt[] = [];
    for (const [index, attempt] of attempts.entries()) {
      const outcome = settled[index];
      if (outcome?.status === "fulfilled") {
        const failure = await confirmed;
        if (failure === undefined) attempt.resolve(outcome.value);
        else attempt.reject(new UnansweredError(messageOf(failure), overAt, { cause: failure }));
      } else if (replyCode(outcome?.reason) === "NOSCRIPT" && !sources) unknown.push(attempt);
      else attempt.reject(outcome?.reason);
    }
    await confirmed;
    await this.#sendGroup(unknown, true);
  }

  #ready(connection: Connection): Connection {
    connection.serverMicros();
    return connection;
  }

  /** Turns a missing reply into UnansweredError; error replies stay as they are. */
  async #answered(connection: Connection, answer: Promise<unknown>, overAt: number): Promise<unknown> {
    try {
      return await within(Math.max(0, overAt - performance.now()), answer);
    } catch (error) {
      if (replyCode(error) !== undefined) throw error;
      const message = error instanceof Error ? connection.explain(error) : String(error);
      throw new UnansweredError(message, overAt, { cause: error });
    }
  }
}

type Redis = Connection["redis"];

/** Sends one attempt. Commands of one tick are sent in order. */
function send(redis: Redis, call: RedisCall, source: boolean, asking: boolean, last: readonly number[]) {
  if (asking) redis.asking().catch(() => {});
  const command = commandOf(call, source, last);
  redis.sendCommand(command);
  return command.promise;
}

/** Sends a script by its digest, and its source if the server does not have it. */
async function bySource(attempt: (source: boolean) => Promise<unknown>): Promise<unknown> {
  try {
    return await attempt(false);
  } catch (error) {
    if (replyCode(error) !== "NOSCRIPT") throw error;
    return attempt(true);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
