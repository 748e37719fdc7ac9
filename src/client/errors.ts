/** The errors of calls: Connect's, with the details of the contract as fields. */
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import type { ErrorReason } from "#gen/rollcall/v1/errors_pb.js";

/** The name of an ErrorReason without its prefix. A newer server may have others. */
export type ReasonName = Exclude<keyof typeof ErrorReason, "UNSPECIFIED"> | (string & Record<never, never>);

/** One offending field of a request. */
export interface RollcallViolation {
  /** The path of the field, such as `properties["a.b"].list[3]`. */
  readonly field: string;
  readonly reason: ReasonName;
  /** What is wrong with it, for people. */
  readonly description: string;
}

/** The domain of the contract's ErrorInfo. */
export const errorDomain = "rollcall.v1";

/**
 * The error of a failed call: a ConnectError, with its `name`, `code`, `rawMessage` and `details`, and the contract's
 * details as fields.
 */
export class RollcallError extends ConnectError {
  /** Why the server or the client refused the request; undefined for other failures, such as a lost connection. */
  readonly reason: ReasonName | undefined;
  /** The offending fields of an invalid request; at most 20. */
  readonly violations: readonly RollcallViolation[];
  /** The least time to wait before a retry; undefined if the server does not invite one. */
  readonly retryDelayMs: number | undefined;
  /** Details of the reason: limits, sizes, the missing scope. */
  readonly reasonMetadata: Readonly<Record<string, string>>;

  /** @param code replaces the error's code */
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
    return value instanceof ConnectError && "retryDelayMs" in value && "reason" in value && "violations" in value;
  }
}

/** Codes of Node for a connection that is lost or cannot be made. */
export const lostConnection: ReadonlySet<string> = new Set([
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

/** Turns anything that was caught into a RollcallError. */
export function rollcallErrorOf(failure: unknown): RollcallError {
  return failure instanceof RollcallError ? failure : new RollcallError(ConnectError.from(failure));
}

/**
 * The error of a failed call. A lost connection is UNAVAILABLE, as in gRPC, whatever code Connect gives it.
 *
 * @param signal the caller's: tells a cancelled call from a lost connection
 */
export function failureOfCall(failure: unknown, signal: AbortSignal | undefined): RollcallError {
  if (failure instanceof RollcallError) return failure;
  const error = ConnectError.from(failure);
  const isLost = signal?.aborted !== true && error.details.length === 0 && isConnectionLost(error);
  return new RollcallError(error, isLost ? Code.Unavailable : error.code);
}

function isConnectionLost(error: ConnectError): boolean {
  // Node cancels the streams of a lost connection.
  if (error.code === Code.Canceled) return true;
  // The server resets an answer with ENHANCE_YOUR_CALM when unread answers exceed its memory budget.
  const isLost = ({ code, message }: Cause) =>
    lostConnection.has(code) || message.includes("NGHTTP2_ENHANCE_YOUR_CALM");
  return causesOf(error).some(isLost);
}

/** A bound, since causes may form a cycle. */
const maxCauses = 8;

interface Cause {
  readonly code: string;
  readonly message: string;
}

/** An error and its causes, the outermost first. */
export function causesOf(error: Error): readonly Cause[] {
  const causes: Cause[] = [];
  for (let cause: unknown = error; cause instanceof Error && causes.length < maxCauses; cause = cause.cause) {
    causes.push({ code: "code" in cause ? String(cause.code) : "", message: cause.message });
  }
  return causes;
}

/** Whether the same call may succeed later: the server, its store or the connection is away, or the server invites a retry. */
export function isTransient({ code, retryDelayMs }: RollcallError): boolean {
  return code === Code.Unavailable || (code === Code.ResourceExhausted && retryDelayMs !== undefined);
}

/** The error of a call that its caller cancelled. */
export function canceledBy(signal: AbortSignal): RollcallError {
  return rollcallErrorOf(ConnectError.from(signal.reason, Code.Canceled));
}
