/**
 * The canonical form of a google.protobuf.Struct, in which users' properties are stored and sent.
 *
 * Entries are sorted by the bytes of their names at every depth, each name occurs once, each value has exactly one kind,
 * varints are the shortest, there are no unknown fields, text is valid UTF-8, and numbers are finite. Equal Structs have
 * equal bytes.
 *
 * Source of the field numbers: google/protobuf/struct.proto.
 */
import type { LimitName } from "../limits.ts";

declare const checked: unique symbol;

/** A Struct in canonical form within the contract's limits. Never changed in place. */
export type CanonicalStruct = Uint8Array & { readonly [checked]: "CanonicalStruct" };

/** The names, in limits.ts, of the limits on a whole Struct. Each entry has limits too. */
export interface StructLimits {
  /** The number of entries; undefined if only the bytes are limited. */
  readonly count: LimitName | undefined;
  readonly bytes: LimitName;
}

export const propertiesLimits: StructLimits = { count: "maxProperties", bytes: "maxPropertiesBytes" };
export const preferencesLimits: StructLimits = { count: undefined, bytes: "maxPreferencesBytes" };

/** The tags, `field number << 3 | wire type`, of Struct, its map entries, Value and ListValue. */
export const tags = {
  structEntry: 0x0a,
  entryName: 0x0a,
  entryValue: 0x12,
  nullValue: 0x08,
  numberValue: 0x11,
  stringValue: 0x1a,
  boolValue: 0x20,
  structValue: 0x2a,
  listValue: 0x32,
  listItem: 0x0a,
} as const;

/** Whether the little-endian double at `pos` is neither NaN nor infinite. */
export function isFiniteDouble(bytes: Uint8Array, pos: number): boolean {
  const high = bytes[pos + 7] ?? 0;
  const low = bytes[pos + 6] ?? 0;
  return (high & 0x7f) !== 0x7f || low < 0xf0;
}

/** Compares byte ranges of `a` and `b` as unsigned bytes: negative, zero or positive. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const length = Math.min(aEnd - aStart, bEnd - bStart);
  for (let i = 0; i < length; i++) {
    const difference = (a[aStart + i] ?? 0) - (b[bStart + i] ?? 0);
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
}
