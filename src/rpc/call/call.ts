import type { ConnectError } from "@connectrpc/connect";
import { nobody, type Principal } from "../../credentials/principal.ts";
import type { ObservedRequest } from "../../telemetry/requests.ts";
import { overloaded } from "../../users/errors.ts";
import { canceled, codeName, describeError, reasonOf, toConnectError } from "../errors.ts";
import type { Exchange, ExchangeWatcher, ResetReason } from "../exchange.ts";
import type { Evictable } from "../guard/eviction.ts";
import { Account, type BudgetHolder } from "../guard/memory-budget.ts";
import type { CallContext } from "./call-context.ts";
import type { CallEnvironment, CallKind } from "./call-environment.ts";
import { deadlineExceeded } from "./deadline.ts";

/** How long a caller may take to read what was written before its call was aborted. */
const lastAnswerMs = 1_000;

/**
 * One call, from its headers to the end of its exchange, over every protocol:
 *
 *     arriving ─── all of its request is there ───> working ─── the handler answers or fails ───> ended ───> closed
 *        │                                             │                                            │
 *        └──── refused, deadline, evicted, shutdown, caller gone: the error is written ─────────────┘
 *
 * It ends once, by whatever comes first. Then its outcome is reported, its signal aborts if that is an error, and what comes
 * later is dropped. Until it closes with its exchange, its answer counts, and is reset at the deadline.
 */
export class Call implements CallContext, BudgetHolder, Evictable, ExchangeWatcher {
  principal: Principal = nobody;
  readonly account = new Account();
  /** By `performance.now()`. */
  readonly startedAt = performance.now();
  readonly exchange: Exchange;
  readonly kind: CallKind;
  readonly encoding: CallKind["encoding"];
  readonly environment: CallEnvironment;
  readonly #observed: ObservedRequest;
  /** Until the deadline; once the call is aborted, until an answer that nobody reads is reset. */
  #timer: NodeJS.Timeout | undefined;
  #abort: AbortController | undefined;
  #isEnded = false;
  #error: ConnectError | undefined;

  /** @param timeoutMs from now; undefined where the caller waits for as long as it takes */
  constructor(exchange: Exchange, kind: CallKind, timeoutMs: number | undefined, environment: CallEnvironment) {
    this.exchange = exchange;
    this.kind = kind;
    this.encoding = kind.encoding;
    this.environment = environment;
    const { budget, underWay, shutdown, stallTimeoutMs, onStalled, observe } = environment;
    this.#observed = observe({ method: kind.name, protocol: kind.protocol, headers: exchange.headers });
    exchange.watch(this);
    budget.open(this);
    underWay.add(this);
    kind.arriving?.add(this);
    kind.open?.add(this);
    if (timeoutMs === undefined || timeoutMs > stallTimeoutMs) exchange.resetWhenStalled(stallTimeoutMs, onStalled);
    if (shutdown.aborted) this.fail(shutdown.reason);
    else if (timeoutMs !== undefined && timeoutMs <= 0) this.fail(deadlineExceeded());
    else if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.abort(deadlineExceeded()), timeoutMs);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** What it ended with, if that was an error. */
  get error(): ConnectError | undefined {
    return this.#error;
  }

  get signal(): AbortSignal {
    if (this.#abort !== undefined) return this.#abort.signal;
    this.#abort = new AbortController();
    if (this.#error !== undefined) this.#abort.abort(this.#error);
    return this.#abort.signal;
  }

  /** Runs what serves the call, as a part of its trace. */
  inTrace<Result>(serve: () => Result): Result {
    return this.#observed.run(serve);
  }

  /** Reports a failure to the operator: of the store, or an unexpected one. */
  report(failure: unknown): void {
    this.environment.report(failure, this.#observed.ids());
  }

  hold(bytes: number): void {
    if (!this.#isEnded) this.environment.budget.hold(this, bytes);
  }

  /**
   * Ends the call; the answer, if there is one, is still to be written.
   *
   * @returns false if it has ended before
   */
  end(error?: ConnectError): boolean {
    if (this.#isEnded) return false;
    this.#isEnded = true;
    this.environment.underWay.delete(this);
    this.kind.arriving?.delete(this);
    if (error !== undefined) this.environment.errors.restate(error, this.kind.method);
    const name = this.principal === nobody ? undefined : this.principal.name;
    this.#observed.end(codeName(error), name, reasonOf(error));
    this.#error = error;
    if (error !== undefined) this.#abort?.abort(error);
    return true;
  }

  /** Ends the call with an error, after the answers that have been written. */
  fail(failure: unknown): void {
    if (this.#isEnded) return;
    try {
      const error = toConnectError(failure, this);
      if (this.end(error) && !this.exchange.isGone) this.kind.answerError(this.exchange, error);
    } catch (broken) {
      this.reset(broken);
    }
  }

  /** The same, whether or not its caller reads what has been written. If it has ended, resets the exchange for `reason`. */
  abort(error: ConnectError, reason: ResetReason = "cancel"): void {
    if (this.#isEnded) this.exchange.reset(reason);
    else {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.exchange.reset("cancel"), lastAnswerMs).unref();
      this.fail(error);
    }
  }

  /** Reports a failure for which no answer can be written, and resets the exchange: its caller waits for an end. */
  reset(failure: unknown): void {
    this.report(failure);
    this.exchange.reset("internal");
  }

  evict(): void {
    this.abort(describeError(overloaded()), "calm");
  }

  onAborted(): void {
    if (!this.#isEnded) this.end(canceled()); // Errors are expensive to make.
  }

  onClosed(): void {
    clearTimeout(this.#timer);
    this.environment.budget.close(this);
    this.kind.open?.delete(this);
    this.onAborted();
  }
}
