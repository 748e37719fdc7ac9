/** Which users ScanUsers returns. */
import { Invalid, type Parsed } from "../parsed.ts";
import type { StoredUser } from "../store.ts";
import { canonicalStruct } from "../struct/canonical.ts";
import { EntryCursor } from "../struct/entries.ts";
import { type CanonicalStruct, compareBytes } from "../struct/format.ts";
import { readTimestamp, type TimestampInput } from "../timestamp.ts";

/** A filter as it came over the wire. */
export interface FilterInput {
  /** The occurrences of the field: together one encoded Struct. */
  readonly properties: readonly Uint8Array[];
  readonly updatedAfter?: TimestampInput | undefined;
  readonly createdAfter?: TimestampInput | undefined;
}

export type Filter = (user: StoredUser) => boolean;

/** @returns whether a user meets all conditions */
export function parseFilter(input: FilterInput | undefined): Parsed<Filter> {
  if (input === undefined) return () => true;
  const properties = canonicalStruct(input.properties, "where.properties");
  const updatedAfter = parseTime(input.updatedAfter, "where.updated_after");
  const createdAfter = parseTime(input.createdAfter, "where.created_after");
  if (properties instanceof Invalid || updatedAfter instanceof Invalid || createdAfter instanceof Invalid) {
    const parts = [properties, updatedAfter, createdAfter];
    return new Invalid(...parts.flatMap((part) => (part instanceof Invalid ? part.violations : [])));
  }
  return (user) =>
    user.updatedAt > updatedAfter && user.createdAt > createdAfter && holdsAll(user.properties, properties);
}

/** Whether a Struct has all entries of another. Both are sorted by names. */
function holdsAll(struct: CanonicalStruct, wanted: CanonicalStruct): boolean {
  const [entry, want] = [new EntryCursor(struct), new EntryCursor(wanted)];
  while (want.next()) {
    let order = -1;
    while (order < 0 && entry.next()) order = entry.compareName(want);
    if (order !== 0) return false;
    if (!areEqual(entry, want)) return false;
  }
  return true;
}

/** Whether two entries are equal byte by byte, except that the numbers 0 and -0 are equal, as they are in an index. */
function areEqual(a: EntryCursor, b: EntryCursor): boolean {
  if (compareBytes(a.bytes, a.start, a.end, b.bytes, b.start, b.end) === 0) return true;
  if (a.end - a.start !== b.end - b.start) return false;
  for (let at = 0; a.start + at < a.end; at++) {
    if (a.bytes[a.start + at] === b.bytes[b.start + at]) continue;
    if (!endsZero(a.bytes, a.start + at) || !endsZero(b.bytes, b.start + at)) return false;
  }
  return true;
}

const otherBytesOfZero = 7;

/**
 * Whether a byte is the last of 0 or -0, and so holds its sign. Only a number has 00 or 80 behind seven zeros where another struct has
 * the other one: a tag or a length comes before every other byte that could differ so, and text is UTF-8, in which 80 is behind no zero.
 */
function endsZero(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== 0x00 && bytes[at] !== 0x80) return false;
  for (let before = at - otherBytesOfZero; before < at; before++) if (bytes[before] !== 0) return false;
  return true;
}

/** @returns microseconds since 1970; -1 for none, which is before every time */
function parseTime(input: TimestampInput | undefined, field: string): Parsed<number> {
  if (input === undefined) return -1;
  const time = readTimestamp(input);
  return typeof time === "number" ? time : new Invalid({ field, reason: "INVALID_FILTER", description: time });
}
