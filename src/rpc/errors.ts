/** Domain errors as callers get them: with a status code and the details that the contract promises. */
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { type Reason, UserError, type Violation } from "../users/errors.ts";
import { limits } from "../users/limits.ts";
import type { MessageLimit } from "./messages/envelopes.ts";

const domain = "rollcall.v1";

/** How long callers should wait before they retry, for errors that may be retried. */
const retryDelayMs: Partial<Record<Reason, number>> = {
  STORE_UNAVAILABLE: 500,
  CREDENTIALS_UNVERIFIABLE: 1_000,
  OVERLOADED: 200,
  DRAINING: 0,
};

/** Errors that the log reports to the operator. */
const reported: ReadonlySet<Reason> = new Set(["STORE_UNAVAILABLE", "STORE_FULL", "CREDENTIALS_UNVERIFIABLE"]);

/** Bytes of violations in the details of one error, which have to fit into any client's trailers. */
const maxViolationBytes = 3_000;

const codes: Record<Reason, Code> = {
  INVALID_ID: Code.InvalidArgument,
  INVALID_PROPERTY: Code.InvalidArgument,
  REQUIRED_PROPERTY_MISSING: Code.InvalidArgument,
  LIMIT_EXCEEDED: Code.InvalidArgument,
  MALFORMED_REQUEST: Code.InvalidArgument,
  INVALID_ENUM_VALUE: Code.InvalidArgument,
  INVALID_PRECONDITION: Code.InvalidArgument,
  INVALID_OBSERVED_AT: Code.InvalidArgument,
  INVALID_PAGE_TOKEN: Code.InvalidArgument,
  INVALID_PAGE_SIZE: Code.InvalidArgument,
  INVALID_MATCH: Code.InvalidArgument,
  INVALID_FILTER: Code.InvalidArgument,
  PROPERTY_NOT_INDEXED: Code.FailedPrecondition,
  INDEX_NOT_READY: Code.FailedPrecondition,
  USER_NOT_FOUND: Code.NotFound,
  USER_DAMAGED: Code.Internal,
  USER_ALREADY_EXISTS: Code.AlreadyExists,
  ETAG_MISMATCH: Code.Aborted,
  STORE_UNAVAILABLE: Code.Unavailable,
  DRAINING: Code.Unavailable,
  OVERLOADED: Code.ResourceExhausted,
  STORE_FULL: Code.ResourceExhausted,
  CREDENTIALS_INVALID: Code.Unauthenticated,
  CREDENTIALS_UNVERIFIABLE: Code.Unavailable,
  SCOPE_MISSING: Code.PermissionDenied,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  NOT_IMPLEMENTED: Code.Unimplemented,
  INTERNAL: Code.Internal,
};

/** The status code of a domain error, numbered as google.rpc.Code. */
export function codeOf(reason: Reason): Code {
  return codes[reason];
}

/**
 * The error that a caller gets for a failure. A domain error becomes its code with details; an error of Connect (a deadline, a
 * cancellation) stays; anything else becomes INTERNAL without its cause.
 *
 * @param call reports failures that the operator should know of: failures of the store, and unexpected ones
 */
export function toConnectError(failure: unknown, call: { report(failure: unknown): void }): ConnectError {
  if (failure instanceof UserError) {
    if (reported.has(failure.reason)) call.report(failure);
    return describedOnce(failure);
  }
  if (failure instanceof ConnectError) return failure;
  if (failure instanceof DOMException && failure.name === "AbortError") {
    return canceled();
  }
  call.report(failure);
  return describeError(new UserError("INTERNAL", "the server failed; its log says why"));
}

const described = new WeakMap<UserError, ConnectError>();

/** Describes each error once: many calls may be refused with the same. */
function describedOnce(error: UserError): ConnectError {
  const known = described.get(error);
  if (known !== undefined) return known;
  const connectError = describeError(error);
  described.set(error, connectError);
  return connectError;
}

/**
 * @param limit on one message of the method
 * @param message for people, if the request's message is not itself too large
 */
export function messageTooLarge(
  limit: MessageLimit,
  message = `the message is larger than ${limits[limit]} bytes`,
): ConnectError {
  const metadata = { limit, max: String(limits[limit]) };
  return describeError(new UserError("LIMIT_EXCEEDED", message, { metadata }), Code.ResourceExhausted);
}

/** The caller no longer waits for the answer. */
export function canceled(): ConnectError {
  return new ConnectError("the caller has gone", Code.Canceled);
}

/**
 * A domain error with the details that the contract promises.
 *
 * @param code the status code, if it is not that of the error's reason
 */
export function describeError(error: UserError, code: Code = codes[error.reason]): ConnectError {
  const connectError = new ConnectError(error.message, code);
  connectError.details.push({
    desc: ErrorInfoSchema,
    value: { reason: error.reason, domain, metadata: { ...error.metadata } },
  });
  if (error.violations.length > 0) {
    const fieldViolations = fitting(error.violations, maxViolationBytes);
    connectError.details.push({ desc: BadRequestSchema, value: { fieldViolations } });
  }
  const delayMs = retryDelayMs[error.reason];
  if (delayMs !== undefined) {
    const retryDelay = { seconds: BigInt(Math.floor(delayMs / 1_000)), nanos: (delayMs % 1_000) * 1_000_000 };
    connectError.details.push({ desc: RetryInfoSchema, value: { retryDelay } });
  }
  return connectError;
}

/** The reason in an error of `describeError`; undefined for any other. */
export function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  for (const detail of error.details) {
    if ("desc" in detail && detail.desc === ErrorInfoSchema && "reason" in detail.value)
      return String(detail.value["reason"]);
  }
  return undefined;
}

/** The name of an error's status code, for the log; `ok` without an error. */
export function codeName(error: ConnectError | undefined): string {
  return error === undefined ? "ok" : (Code[error.code] ?? String(error.code));
}

/** The first violations that fit into `maxBytes`. */
export function fitting(
  violations: readonly Violation[],
  maxBytes: number,
): { field: string; description: string; reason: string }[] {
  let bytes = 0;
  return violations
    .filter((violation) => {
      bytes += Buffer.byteLength(violation.field) + Buffer.byteLength(violation.description) + 40;
      return bytes <= maxBytes;
    })
    .map(({ field, description, reason }) => ({ field, description, reason }));
}
