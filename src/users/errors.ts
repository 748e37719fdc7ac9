/**
 * The errors of the domain: a closed set, told apart by `reason`, whose names are the contract's ErrorReason without
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
  /** The path of the field, as `properties["a.b"].list[3]`. */
  readonly field: string;
  readonly reason: Reason;
  /** What is wrong with it, for people; never the value. */
  readonly description: string;
  /** The limit that is exceeded, where one is. */
  readonly limit?: LimitName;
  /** What was counted against the limit, where it was counted to the end. */
  readonly actual?: number;
}

/** Whose fault is the server's, or its store's: the log says where they were raised. */
const servers: ReadonlySet<Reason> = new Set([
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
    // Where a request was found wrong is in its violations; to note the frames would take most of a bad item's time.
    const { stackTraceLimit } = Error;
    if (!servers.has(reason)) Error.stackTraceLimit = 0;
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
 * @param violations at least one; the first gives the error its reason
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
 * @param actual what the field has; undefined where the caller is not told
 * @param unit in which it is counted, in the plural
 * @param subject who has it, and the verb
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
 * What is stored of the user cannot be read.
 *
 * @param applied whether a write has been applied nonetheless
 */
export function userDamaged(part: DamagedPart, applied = false): UserError {
  const done = applied ? "the write has been applied" : "nothing was written";
  const message = `the user is there, and its ${partNames[part]} cannot be read; ${done}`;
  return new UserError("USER_DAMAGED", message, { metadata: { part } });
}

/** The precondition asks that the user does not exist. */
export function userAlreadyExists(): UserError {
  return new UserError("USER_ALREADY_EXISTS", "there is a user with this id already");
}

/** The precondition names another etag than the user's. */
export function etagMismatch(): UserError {
  return new UserError("ETAG_MISMATCH", "the user has another etag: it has changed; read it again");
}

/** The store did not answer in time, or cannot be reached. A write may have been applied. */
export function storeUnavailable(cause?: unknown): UserError {
  return new UserError("STORE_UNAVAILABLE", "the store is not available at the moment; a write may have been applied", {
    cause,
  });
}

const ofReads = new WeakMap<UserError, UserError>();

/** What a read that has failed rejects with: STORE_UNAVAILABLE without a word of writes, and the same for the same error. */
export function failureOfRead(error: unknown): unknown {
  if (!(error instanceof UserError) || error.reason !== "STORE_UNAVAILABLE") return error;
  const known = ofReads.get(error);
  if (known !== undefined) return known;
  const { cause } = error;
  const told = new UserError("STORE_UNAVAILABLE", "the store is not available at the moment", { cause });
  ofReads.set(error, told);
  return told;
}

/** The server has as much to do as it takes on; nothing of this request was sent to the store. */
export function overloaded(): UserError {
  return new UserError("OVERLOADED", "the server has too much to do at the moment; try again later");
}

/** The store has no room; nothing of this request was stored. */
export function storeFull(cause?: unknown): UserError {
  return new UserError("STORE_FULL", "the store has no room for more data", { cause });
}

/** The caller has shown no credentials, or some that the server does not accept. */
export function credentialsInvalid(message: string): UserError {
  return new UserError("CREDENTIALS_INVALID", message);
}

/** Whether credentials are valid cannot be found out at the moment. */
export function credentialsUnverifiable(cause?: unknown): UserError {
  return new UserError(
    "CREDENTIALS_UNVERIFIABLE",
    "the keys to verify the token with cannot be fetched at the moment",
    {
      cause,
    },
  );
}

/**
 * The caller is known, and may not do this.
 *
 * @param what needs the scope, where it is not the method
 */
export function scopeMissing(scope: string, what?: string): UserError {
  const prefix = what === undefined ? "" : `${what}: `;
  return new UserError("SCOPE_MISSING", `${prefix}the caller lacks the scope ${scope}`, { metadata: { scope } });
}

/** The server is shutting down. */
export function draining(): UserError {
  return new UserError("DRAINING", "the server is shutting down; connect again");
}
