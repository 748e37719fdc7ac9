/** Rows, which the readers of all formats give in the order of the source. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timeOf } from "../../time.ts";

/**
 * The most bytes of a source that are read as one user. The largest user needs less, and at most 5.5 bytes of protobuf per byte
 * (a list of one-digit numbers) fit into one message.
 */
export const maxRowBytes = 700 * 1024;

/** A user to import. */
export interface UserRow {
  readonly kind: "user";
  /** The number of its line, or of its item in a list, from 1. */
  readonly line: number;
  readonly id: string;
  readonly properties?: JsonObject;
  readonly setOnce?: JsonObject;
  readonly unset?: readonly string[];
  readonly observedAt?: Timestamp;
  /** The user's preferences in the source, which Identify does not write. */
  readonly preferences?: JsonObject;
  /** The row as a line of NDJSON, with each value as the source writes it. Absent if the fields above lose nothing. */
  readonly original?: () => string;
}

/** A part of the source that is not a user. */
export interface InvalidRow {
  readonly kind: "invalid";
  readonly line: number;
  /** What is wrong, without any value. */
  readonly reason: string;
  /** Where, such as `properties.age`. */
  readonly field?: string;
  /** What can be kept of the row, to be corrected: a JSON object on one line. */
  readonly kept: string;
}

/** A part of the source that says nothing about who a user is. */
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

/** A part of a row cannot be read. The message has no value. */
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
  const time = timeOf(value);
  if (time === undefined) throw new Unreadable("is not a time, such as 2026-01-31T12:00:00Z", field);
  return time;
}
