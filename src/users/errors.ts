/**
 * The domain's errors: a closed set, distinguished by `reason`. Reasons have the names of the contract's ErrorReason without
 * its prefix. No error holds a property's value.
 */
import type { DamagedPart } from "./damaged.ts";
import { type LimitName, limits } from "./limits.ts";

export type Reason =
  | "INVALID_ID"
  | "INVALID_PROPERTY"
  | "REQUIRED_PROPERTY_MISSING"
  | "LIMIT_EXCEEDED"
  | "MALFORMED_REQUEST"
  | "INVALID_ENUM_VALUE"
  | "INVALID_PRECONDITION"
  | "INVALID_OBSERVED_AT"
  | "INVALID_PAGE_TOKEN"
  | "INVALID_PAGE_SIZE"
  | "INVALID_MATCH"
  | "INVALID_FILTER"
  | "PROPERTY_NOT_INDEXED"
  | "INDEX_NOT_READY"
  | "USER_NOT_FOUND"
  | "USER_DAMAGED"
  | "USER_ALREADY_EXISTS"
  | "ETAG_MISMATCH"
  | "STORE_UNAVAILABLE"
  | "DRAINING"
  | "OVERLOADED"
  | "STORE_FULL"
  | "CREDENTIALS_INVALID"
  | "CREDENTIALS_UNVERIFIABLE"
  | "SCOPE_MISSING"
  | "DEADLINE_EXCEEDED"
  | "NOT_IMPLEMENTED"
  | "INTERNAL";

/** One offending field of a request. */
export interface Violation {
  /** The path of the field, such as `properties["a.b"].list[3]`. */
  readonly field: string;
  readonly reason: Reason;
  /** What is wrong with it, for people. Never contains the value. */
  readonly description: string;
  /** The limit that it exceeds, if any. */
  readonly limit?: LimitName;
  /** What was counted against the limit, if the count was completed. */
  readonly actual?: number;
}

/** Errors that are the fault of the server or its store: the log needs their stack. */
const serverFaults: ReadonlySet<Reason> = new Set([
  "STORE_UNAVAILABLE",
  "STORE_FULL",
  "CREDENTIALS_UNVERIFIABLE",
  "INTERNAL",
]);

export class UserError extends Error {
  override readonly name = "UserError";
  readonly reason: Reason;
  readonly violations: readonly Violation[];
  /** Names, limits and sizes for programs to read. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(
    reason: Reason,
    message: string,
    details: { violations?: readonly Violation[]; metadata?: Record<string, string>; cause?: unknown } = {},
  ) {
    // A bad request needs no stack, and capturing one would take most of the time that it costs.
    const { stackTraceLimit } = Error;
    if (!serverFaults.has(reason)) Error.stackTraceLimit = 0;
    super(message, { cause: details.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.reason = reason;
    this.violations = details.violations ?? [];
    this.metadata = details.metadata ?? {};
  }
}

/**
 * The request breaks the contract's rules.
 *
 * @param violations at least one; the first determines the error's reason
 */
export function invalidRequest(violations: readonly Violation[], metadata: Record<string, string> = {}): UserError {
  const [first] = violations;
  if (first === undefined) throw new RangeError("an invalid request has at least one violation");
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : "";
  return new UserError(first.reason, `${first.field}: ${first.description}${more}`, {
    violations: violations.slice(0, limits.maxViolations),
    metadata: {
      ...(first.limit === undefined ? {} : { limit: first.limit, max: String(limits[first.limit]) }),
      ...(first.actual === undefined ? {} : { actual: String(first.actual) }),
      ...metadata,
    },
  });
}

/**
 * @param actual the count; undefined if the caller must not learn it
 * @param unit the unit of the count, in the plural
 * @param subject the subject and the verb
 */
export function limitExceeded(
  field: string,
  limit: LimitName,
  actual: number | undefined,
  unit: string,
  subject = "has",
): Violation {
  const description = `${subject} ${actual ?? "too many"} ${unit}; at most ${limits[limit]} are allowed`;
  return { field, reason: "LIMIT_EXCEEDED", description, limit, ...(actual !== undefined && { actual }) };
}

/** A value of a property is nested too deep. */
export function nestedTooDeep(field: string): Violation {
  const description = `is nested deeper than ${limits.maxValueDepth} objects or lists`;
  return { field, reason: "LIMIT_EXCEEDED", description, limit: "maxValueDepth" };
}

export function userNotFound(): UserError {
  return new UserError("USER_NOT_FOUND", "there is no user with this id");
}

const partNames: Readonly<Record<DamagedPart, string>> = {
  record: "record",
  meta: "times and etag",
  properties: "properties",
  preferences: "preferences",
  observed: "times of observation",
};

/**
 * The user's record cannot be read.
 *
 * @param applied whether the write was applied nonetheless
 */
export function userDamaged(part: DamagedPart, applied = false): UserError {
  const done = applied ? "the write has been applied" : "nothing was written";
  const message = `the user is there, and its ${partNames[part]} cannot be read; ${done}`;
  return new UserError("USER_DAMAGED", message, { metadata: { part } });
}

/** The precondition requires that the user does not exist. */
export function userAlreadyExists(): UserError {
  return new UserError("USER_ALREADY_EXISTS", "there is a user with this id already");
}

/** The precondition names another etag than the user's. */
export function etagMismatch(): UserError {
  return new UserError("ETAG_MISMATCH", "the user has another etag: it has changed; read it again");
}

/** The store has no index of the property. @param indexed the names of those that have one */
export function propertyNotIndexed(indexed: readonly string[]): UserError {
  const others = indexed.length === 0 ? "no property is indexed" : `indexed: ${indexed.join(", ")}`;
  return new UserError("PROPERTY_NOT_INDEXED", `the property of the match has no index (${others})`, {
    metadata: { indexed: indexed.join(",") },
  });
}

/** The index of the property does not hold all users yet. */
export function indexNotReady({ done, total }: { readonly done: number; readonly total: number }): UserError {
  return new UserError("INDEX_NOT_READY", `the index is being built: ${done} of ${total} users are done`, {
    metadata: { users_done: String(done), users_total: String(total) },
  });
}

/** The store does not answer in time or cannot be reached. A write may have been applied. */
export function storeUnavailable(cause?: unknown): UserError {
  return new UserError("STORE_UNAVAILABLE", "the store is not available at the moment; a write may have been applied", {
    cause,
  });
}

/** By the error that they stand for. */
const readFailures = new WeakMap<UserError, UserError>();

/**
 * The error of a failed read: STORE_UNAVAILABLE does not mention writes then.
 *
 * @returns the same error for the same failure, which is logged once
 */
export function failureOfRead(error: unknown): unknown {
  if (!(error instanceof UserError) || error.reason !== "STORE_UNAVAILABLE") return error;
  const known = readFailures.get(error);
  if (known !== undefined) return known;
  const { cause } = error;
  const told = new UserError("STORE_UNAVAILABLE", "the store is not available at the moment", { cause });
  readFailures.set(error, told);
  return told;
}

/** The server is at a limit; nothing of this request was sent to the store. */
export function overloaded(): UserError {
  return new UserError("OVERLOADED", "the server has too much to do at the moment; try again later");
}

/** The store has no room; nothing of this request was stored. */
export function storeFull(cause?: unknown): UserError {
  return new UserError("STORE_FULL", "the store has no room for more data", { cause });
}

/** The request has no credentials, or the server does not accept them. */
export function credentialsInvalid(message: string): UserError {
  return new UserError("CREDENTIALS_INVALID", message);
}

/** The server cannot find out at the moment whether the credentials are valid. */
export function credentialsUnverifiable(cause?: unknown): UserError {
  const message = "the keys to verify the token with cannot be fetched at the moment";
  return new UserError("CREDENTIALS_UNVERIFIABLE", message, { cause });
}

/**
 * The principal lacks a scope.
 *
 * @param what needs the scope, if it is not the whole method
 */
export function scopeMissing(scope: string, what?: string): UserError {
  const prefix = what === undefined ? "" : `${what}: `;
  return new UserError("SCOPE_MISSING", `${prefix}the caller lacks the scope ${scope}`, { metadata: { scope } });
}

/** The server is shutting down. */
export function draining(): UserError {
  return new UserError("DRAINING", "the server is shutting down; connect again");
}
