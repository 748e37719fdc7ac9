/** Reports each request to the log, the metrics and a trace. */
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

/** The method name of calls to unknown methods: https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/ */
export const unknownMethod = "_OTHER";

interface RequestStart {
  /** `rollcall.v1.UserService/Identify`, or `unknownMethod`. */
  readonly method: string;
  /** `grpc`, `grpc-web` or `connect`. */
  readonly protocol: string;
  readonly headers: Headers | IncomingHttpHeaders;
}

/** A request in progress. */
export interface ObservedRequest {
  /** Runs the request's work as part of its trace. */
  run<Result>(work: () => Result): Result;
  /**
   * Called once.
   *
   * @param code `ok`, or the status code's name, as `InvalidArgument`
   * @param principal the name of who called, if known
   * @param reason why it failed, from the contract's closed set, if known
   */
  end(code: string, principal: string | undefined, reason: string | undefined): void;
  /** Identifies the request in the log. */
  ids(): { readonly requestId: string; readonly traceId?: string };
}

export type ObserveRequest = (start: RequestStart) => ObservedRequest;

export interface RequestObservers {
  readonly logger: Logger;
  /** The share of requests that are logged at level info, from 0 to 1. */
  readonly accessLogShare: number;
  readonly metrics?: Metrics | undefined;
  readonly tracer?: Tracer | undefined;
}

/** The request ids that callers may choose; others could hold anything. */
const requestIdPattern = /^[A-Za-z0-9._:-]{1,64}$/;

/** Codes of errors that are the server's fault: https://opentelemetry.io/docs/specs/semconv/rpc/grpc/ */
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
  /** Spreads the share evenly: a tenth is every tenth request. */
  let owed = 1 - accessLogShare;
  const shared = { ...observers, denialIsDue: onceASecond() };
  return (start) => {
    owed += accessLogShare;
    const isSampled = accessLogShare > 0 && owed >= 1;
    if (isSampled) owed -= 1;
    return new Observed(start, shared, isSampled);
  };
}

const requestIdHeader = "x-request-id";
const noHeaders: RequestStart["headers"] = {};

type Observers = RequestObservers & { readonly denialIsDue: (kind: string) => boolean };

class Observed implements ObservedRequest {
  readonly #method: string;
  readonly #protocol: string;
  /** Until the request ends, all of them; then those that `ids` needs: its answer may wait long for its caller. */
  #headers: RequestStart["headers"];
  readonly #observers: Observers;
  readonly #isSampled: boolean;
  readonly #startMs = performance.now();
  #span: Span | undefined;
  #context: Context | undefined;
  #requestId: string | undefined;

  constructor(start: RequestStart, observers: Observers, isSampled: boolean) {
    this.#method = start.method;
    this.#protocol = start.protocol;
    this.#headers = start.headers;
    this.#observers = observers;
    this.#isSampled = isSampled;
    observers.metrics?.callBegan(start.method);
    if (observers.tracer === undefined) return;
    const parent = propagation.extract(ROOT_CONTEXT, start.headers, headerGetter);
    const attributes = { [ATTR_RPC_SYSTEM_NAME]: systemOf(start.protocol), [ATTR_RPC_METHOD]: start.method };
    this.#span = observers.tracer.startSpan(start.method, { kind: SpanKind.SERVER, attributes }, parent);
    this.#context = trace.setSpan(parent, this.#span);
  }

  run<Result>(work: () => Result): Result {
    return this.#context === undefined ? work() : context.with(this.#context, work);
  }

  end(code: string, principal: string | undefined, reason: string | undefined): void {
    const { logger, metrics, denialIsDue } = this.#observers;
    const method = this.#method;
    const protocol = this.#protocol;
    const id = headerOf(this.#headers, requestIdHeader);
    this.#headers = id === undefined ? noHeaders : { [requestIdHeader]: id };
    // The operator who grants scopes needs to see denials, whatever share of requests the log has.
    const isDenial = reason === "SCOPE_MISSING" && denialIsDue(`${principal} ${method}`);
    const isLogged = this.#isSampled || isDenial || logger.isLevelEnabled("debug");
    if (!isLogged && metrics === undefined && this.#span === undefined) return;
    const durationMs = Math.round((performance.now() - this.#startMs) * 1_000) / 1_000;
    const status = statusName(code);
    const labels = { method, system: systemOf(protocol), status, principal: principal ?? "unknown", reason };
    metrics?.callEnded(labels, durationMs / 1_000);
    this.#endSpan(code, status, reason);
    if (!isLogged) return;
    const line = { method, protocol, code, reason, durationMs, caller: principal, ...this.ids() };
    if (isDenial) logger.warn(line, "a caller lacks the scope that a method needs");
    else if (this.#isSampled) logger.info(line, "request");
    else logger.debug(line, "request");
  }

  ids(): { readonly requestId: string; readonly traceId?: string } {
    if (this.#requestId === undefined) {
      const given = headerOf(this.#headers, requestIdHeader);
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

function systemOf(protocol: string): string {
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
