/**
 * Entries of indexes. An entry is u16 (big-endian) the number of its index, the indexed form of a value (index-value.ts), and the id of
 * the user that has it. Entries sort by their bytes: by index, then value, then id.
 */
import { Invalid } from "../parsed.ts";
import type { CanonicalStruct } from "../struct/format.ts";
import { parseUserId, type UserId } from "../user-id.ts";
import { indexedValueOf, lengthOfValue } from "./index-value.ts";
import { type Index, isMaintained } from "./indexed-property.ts";

/** What a store looks through: entries that begin with `prefix`, behind `after`. */
export interface EntryRange {
  /** The number of an index, and perhaps a value or its beginning. */
  readonly prefix: Uint8Array;
  /** Entries after this one, which begins with the prefix; undefined for all. */
  readonly after: Uint8Array | undefined;
}

const numberBytes = 2;
/** No entry has this byte behind a prefix: UTF-8 does not, and neither does the first byte of a value. */
const greatestByte = Buffer.of(0xff);

export function entryPrefix(number: number, value: Uint8Array = noValue): Uint8Array {
  const prefix = Buffer.alloc(numberBytes + value.length);
  prefix.writeUInt16BE(number);
  prefix.set(value, numberBytes);
  return prefix;
}

const noValue = new Uint8Array();

/** The number of the index to which an entry belongs. */
export function numberOfEntry(entry: Uint8Array): number {
  return ((entry[0] ?? 0) << 8) | (entry[1] ?? 0);
}

export function entryOf(number: number, value: Uint8Array, id: string): Uint8Array {
  return Buffer.concat([entryPrefix(number, value), Buffer.from(id, "utf8")]);
}

/** The bounds of a range: after the first, before the second. Neither is an entry in it. */
export function boundsOf({ prefix, after }: EntryRange): readonly [after: Uint8Array, before: Uint8Array] {
  return [after ?? prefix, Buffer.concat([prefix, greatestByte])];
}

/** A user's value in an index. */
export interface IndexedUser {
  readonly value: Uint8Array;
  readonly id: UserId;
}

/** @returns the value and the id in an entry; undefined if it is not one that this program has written */
export function readEntry(entry: Uint8Array): IndexedUser | undefined {
  const rest = entry.subarray(numberBytes);
  const length = lengthOfValue(rest);
  if (length === undefined) return undefined;
  const id = parseUserId(rest.subarray(length));
  return id instanceof Invalid ? undefined : { value: rest.subarray(0, length), id };
}

/**
 * A user's values in all indexes that are maintained, by the number of the index.
 *
 * @param onTooLong called with each index that a value is too long for
 */
export function indexedValues(
  indexes: readonly Index[],
  properties: CanonicalStruct,
  onTooLong?: (index: Index) => void,
): readonly { readonly number: number; readonly value: Uint8Array }[] {
  return indexes.filter(isMaintained).flatMap((index) => {
    const value = indexedValueOf(properties, index);
    if (value === "too-long") onTooLong?.(index);
    return value instanceof Uint8Array ? [{ number: index.number, value }] : [];
  });
}
