/** Each request from its beginning to its end, for whoever wants to know: the log, the metrics, a trace. */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http2";
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import {
  ATTR_ERROR_TYPE,
  ATTR_RPC_METHOD,
  ATTR_RPC_STATUS_CODE,
  ATTR_RPC_SYSTEM_NAME,
} from "@opentelemetry/semantic-conventions";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import { onceASecond } from "./quiet.ts";

/** What a method is called that there is not: https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/ */
export const unknownMethod = "_OTHER";

interface RequestStart {
  /** `rollcall.v1.UserService/Identify`, or `unknownMethod`. */
  readonly method: string;
  /** `grpc`, `grpc-web` or `connect`. */
  readonly protocol: string;
  readonly headers: Headers | IncomingHttpHeaders;
}

/** A request that is under way. */
export interface ObservedRequest {
  /** Does the request's work as a part of its trace. */
  run<Result>(work: () => Result): Result;
  /**
   * Called once.
   *
   * @param code `ok`, or the status code's name, as `InvalidArgument`
   * @param caller who called, if that is known
   * @param reason why it failed, from the contract's closed set, if that is known
   */
  end(code: string, caller: string | undefined, reason: string | undefined): void;
  /** What a line of the log says to tell requests apart. */
  ids(): { readonly requestId: string; readonly traceId?: string };
}

export type ObserveRequest = (start: RequestStart) => ObservedRequest;

export interface RequestObservers {
  readonly logger: Logger;
  /** The share of requests that are logged whatever the level of debugging, from 0 to 1. */
  readonly accessLogShare: number;
  readonly metrics?: Metrics | undefined;
  readonly tracer?: Tracer | undefined;
}

/** What callers may call their requests; anything else could be anything. */
const requestIdPattern = /^[A-Za-z0-9._:-]{1,64}$/;

/** Codes of which the server is to blame: https://opentelemetry.io/docs/specs/semconv/rpc/grpc/ */
const serverErrors: ReadonlySet<string> = new Set([
  "Unknown",
  "DeadlineExceeded",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
]);

export function observeRequests(observers: RequestObservers): ObserveRequest {
  const { accessLogShare } = observers;
  /** Evenly: of a tenth, every tenth. */
  let owed = 1 - accessLogShare;
  const denialIsDue = onceASecond();
  return (start) => {
    owed += accessLogShare;
    const isSampled = accessLogShare > 0 && owed >= 1;
    if (isSampled) owed -= 1;
    return new Observed(start, observers, isSampled, denialIsDue);
  };
}

class Observed implements ObservedRequest {
  readonly #start: RequestStart;
  readonly #observers: RequestObservers;
  readonly #isSampled: boolean;
  readonly #denialIsDue: (kind: string) => boolean;
  readonly #startMs = performance.now();
  #span: Span | undefined;
  #context: Context | undefined;
  #requestId: string | undefined;

  constructor(
    start: RequestStart,
    observers: RequestObservers,
    isSampled: boolean,
    denialIsDue: (kind: string) => boolean,
  ) {
    this.#start = start;
    this.#observers = observers;
    this.#isSampled = isSampled;
    this.#denialIsDue = denialIsDue;
    observers.metrics?.callBegan(start.method);
    if (observers.tracer === undefined) return;
    const parent = propagation.extract(ROOT_CONTEXT, start.headers, headerGetter);
    const attributes = { [ATTR_RPC_SYSTEM_NAME]: systemOf(start), [ATTR_RPC_METHOD]: start.method };
    this.#span = observers.tracer.startSpan(start.method, { kind: SpanKind.SERVER, attributes }, parent);
    this.#context = trace.setSpan(parent, this.#span);
  }

  run<Result>(work: () => Result): Result {
    return this.#context === undefined ? work() : context.with(this.#context, work);
  }

  end(code: string, caller: string | undefined, reason: string | undefined): void {
    const { logger, metrics } = this.#observers;
    const { method, protocol } = this.#start;
    // Whoever has to give the scope learns of it from the log, whatever share of requests that has.
    const isDenial = reason === "SCOPE_MISSING" && this.#denialIsDue(`${caller} ${method}`);
    const isLogged = this.#isSampled || isDenial || logger.isLevelEnabled("debug");
    if (!isLogged && metrics === undefined && this.#span === undefined) return;
    const durationMs = Math.round((performance.now() - this.#startMs) * 1_000) / 1_000;
    const status = statusName(code);
    const labels = { method, system: systemOf(this.#start), status, caller: caller ?? "unknown", reason };
    metrics?.callEnded(labels, durationMs / 1_000);
    this.#endSpan(code, status, reason);
    if (!isLogged) return;
    const line = { method, protocol, code, reason, durationMs, caller, ...this.ids() };
    if (isDenial) logger.warn(line, "a caller lacks the scope that a method needs");
    else if (this.#isSampled) logger.info(line, "request");
    else logger.debug(line, "request");
  }

  ids(): { readonly requestId: string; readonly traceId?: string } {
    if (this.#requestId === undefined) {
      const given = headerOf(this.#start.headers, "x-request-id");
      this.#requestId = given !== undefined && requestIdPattern.test(given) ? given : randomUUID();
    }
    const requestId = this.#requestId;
    return this.#span === undefined ? { requestId } : { requestId, traceId: this.#span.spanContext().traceId };
  }

  #endSpan(code: string, status: string, reason: string | undefined): void {
    const span = this.#span;
    if (span === undefined) return;
    span.setAttribute(ATTR_RPC_STATUS_CODE, status);
    if (reason !== undefined) span.setAttribute("rollcall.reason", reason);
    if (serverErrors.has(code)) span.setAttribute(ATTR_ERROR_TYPE, status).setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }
}

function headerOf(headers: RequestStart["headers"], name: string): string | undefined {
  return headers instanceof Headers ? (headers.get(name) ?? undefined) : headers[name]?.toString();
}

const headerGetter: TextMapGetter<RequestStart["headers"]> = {
  get: (headers, name) => headerOf(headers, name.toLowerCase()),
  keys: () => [],
};

function systemOf({ protocol }: RequestStart): string {
  return protocol === "connect" ? "connectrpc" : "grpc";
}

const statusNames = new Map([
  ["ok", "OK"],
  ["Canceled", "CANCELLED"],
]);

/** `InvalidArgument` as gRPC writes it: `INVALID_ARGUMENT`. */
function statusName(code: string): string {
  const known = statusNames.get(code);
  if (known !== undefined) return known;
  const name = code.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  statusNames.set(code, name);
  return name;
}
