/** What calls fail with: errors of Connect, with the details that the contract promises read out of them. */
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import type { ErrorReason } from "#gen/rollcall/v1/errors_pb.js";

/** The name of an ErrorReason without its prefix. A newer server may know more of them. */
export type ReasonName = Exclude<keyof typeof ErrorReason, "UNSPECIFIED"> | (string & Record<never, never>);

/** One offending field of a request. */
export interface RollcallViolation {
  /** The path of the field, as `properties["a.b"].list[3]`. */
  readonly field: string;
  readonly reason: ReasonName;
  /** What is wrong with it, for people. */
  readonly description: string;
}

/** The domain of the ErrorInfo that the contract's errors have. */
export const errorDomain = "rollcall.v1";

/**
 * What a call failed with. It is a ConnectError (its `name` too, by which Connect knows its own) with `code`,
 * `rawMessage` and `details`, and says what the contract's details say.
 */
export class RollcallError extends ConnectError {
  /** Undefined where neither the server nor the client has refused the request, as where a connection fails. */
  readonly reason: ReasonName | undefined;
  /** The offending fields, where the request was wrong; at most 20. */
  readonly violations: readonly RollcallViolation[];
  /** Invites a retry, and is the least time to wait before it; undefined where the server does not invite one. */
  readonly retryDelayMs: number | undefined;
  /** What belongs to the reason: limits, sizes, the scope that is missing. */
  readonly reasonMetadata: Readonly<Record<string, string>>;

  /** @param code where it is another than the error's */
  constructor(error: ConnectError, code: Code = error.code) {
    super(error.rawMessage, code, error.metadata, undefined, error.cause ?? error);
    this.details = error.details;
    const info = error.findDetails(ErrorInfoSchema).find((detail) => detail.domain === errorDomain);
    this.reason = info?.reason;
    this.reasonMetadata = { ...info?.metadata };
    this.violations = error
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations)
      .map(({ field, reason, description }) => ({ field, reason, description }));
    const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
    this.retryDelayMs = delay === undefined ? undefined : Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000;
  }

  static override [Symbol.hasInstance](value: unknown): value is RollcallError {
    return typeof value === "object" && value !== null && Object.hasOwn(value, "retryDelayMs") && isError(value);
  }
}

function isError(value: object): boolean {
  return value instanceof ConnectError && "reason" in value && "violations" in value;
}

/** The failures of Node by which a connection is lost, or does not come about. */
const lostConnection = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ERR_HTTP2_GOAWAY_SESSION",
  "ERR_HTTP2_INVALID_SESSION",
  "ERR_HTTP2_INVALID_STREAM",
  "ERR_HTTP2_SESSION_ERROR",
  "ERR_HTTP2_STREAM_CANCEL",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ETIMEDOUT",
]);

/** Whatever was caught, as a RollcallError. */
export function rollcallErrorOf(failure: unknown): RollcallError {
  return failure instanceof RollcallError ? failure : new RollcallError(ConnectError.from(failure));
}

/**
 * What a call failed with. A connection that is lost is UNAVAILABLE, as in gRPC, whatever Connect calls it.
 *
 * @param signal the caller's, by which a call that its caller ended is told from one whose connection did
 */
export function failureOfCall(failure: unknown, signal: AbortSignal | undefined): RollcallError {
  if (failure instanceof RollcallError) return failure;
  const error = ConnectError.from(failure);
  const isLost = signal?.aborted !== true && error.details.length === 0 && isConnectionLost(error);
  return new RollcallError(error, isLost ? Code.Unavailable : error.code);
}

function isConnectionLost(error: ConnectError): boolean {
  // Node ends the streams of a connection that has gone as if they had been cancelled.
  if (error.code === Code.Canceled) return true;
  for (let cause: unknown = error, steps = 0; cause instanceof Error && steps < 8; cause = cause.cause, steps++) {
    if ("code" in cause && typeof cause.code === "string" && lostConnection.has(cause.code)) return true;
    // The server gives up an answer that it has no room for until it is read.
    if (cause.message.includes("NGHTTP2_ENHANCE_YOUR_CALM")) return true;
  }
  return false;
}

/** Whether the same call may succeed later: the server, its store or the connection is away, or a retry is invited. */
export function isTransient({ code, retryDelayMs }: RollcallError): boolean {
  return code === Code.Unavailable || (code === Code.ResourceExhausted && retryDelayMs !== undefined);
}

/** A call that its caller ended. */
export function canceledBy(signal: AbortSignal): RollcallError {
  return rollcallErrorOf(ConnectError.from(signal.reason, Code.Canceled));
}
