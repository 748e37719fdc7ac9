/** What the readers of all formats make of a source: one after the other, in the source's order. */
import { fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

/**
 * The most bytes of a source that are read as one user: more than the largest user needs, and, at up to 5.5 bytes of
 * protobuf for each (a list of one-digit numbers), within one message.
 */
export const maxRowBytes = 700 * 1024;

/** A user to import. */
export interface UserRow {
  readonly kind: "user";
  /** Where it stands: the number of its line from 1, or, in a list, its own. */
  readonly line: number;
  readonly id: string;
  readonly properties?: JsonObject;
  readonly setOnce?: JsonObject;
  readonly unset?: readonly string[];
  readonly observedAt?: Timestamp;
  /** The preferences that the source has for the user, if there are any: an Identify does not write them. */
  readonly preferences?: JsonObject;
  /**
   * The row as NDJSON has it, with all values as they stand in the source, on one line. Absent where the fields above have
   * them too.
   */
  readonly original?: () => string;
}

/** A part of the source that is no user. */
export interface InvalidRow {
  readonly kind: "invalid";
  readonly line: number;
  /** What is wrong; never quotes a value. */
  readonly reason: string;
  /** Where, as `properties.age`. */
  readonly field?: string;
  /** As much of the row as can be kept, in the form in which it is mended: a JSON object, on one line. */
  readonly kept: string;
}

/** A part of the source that is not about who a user is. */
interface PassedOver {
  readonly kind: "passed over";
  readonly line: number;
}

export type Row = UserRow | InvalidRow | PassedOver;

export function invalid(line: number, reason: string, kept = "{}", field?: string): InvalidRow {
  return { kind: "invalid", line, reason, ...(field !== undefined && { field }), kept };
}

export function tooLong(line: number, size: number, what = "the line"): InvalidRow {
  return invalid(line, `${what} has ${size} bytes; at most ${maxRowBytes} are read`);
}

/** Thrown by what reads a part of a row; the message never quotes a value. */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
  readonly field: string | undefined;

  constructor(reason: string, field?: string) {
    super(reason);
    this.field = field;
  }
}

/** @throws Unreadable if it is not RFC 3339 */
export function readTime(value: JsonValue, field: string): Timestamp {
  try {
    return fromJson(TimestampSchema, value);
  } catch {
    throw new Unreadable("is not a time, as 2026-01-31T12:00:00Z", field);
  }
}
