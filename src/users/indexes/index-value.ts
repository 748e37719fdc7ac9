/**
 * The indexed form of a property's value: a byte for its kind, and bytes that sort as the values do.
 *
 *     bool     1, then 0 or 1
 *     number   2, then 8 bytes: an IEEE 754 double, big-endian; all bits of a negative one are flipped, and the sign of others. -0 is 0
 *     text     3, then UTF-8, folded if the index folds; NUL as 00 FF; and 00 01 at the end
 *
 * No value is the beginning of another, so entries with ids behind them cannot be mistaken.
 */
import { limits } from "../limits.ts";
import { EntryCursor } from "../struct/entries.ts";
import { type CanonicalStruct, compareBytes, tags } from "../struct/format.ts";
import { fold } from "./fold.ts";
import type { IndexedProperty } from "./indexed-property.ts";

const valueKinds = { bool: 1, number: 2, text: 3 } as const;

const numberBytes = 8;
/** No longer text has so short a folded form: no character becomes a sixteenth of its bytes. */
const maxUnfoldedLength = 16 * limits.maxIndexedBytes;
const textEnd = Buffer.of(0x00, 0x01);
const escapedNul = Buffer.of(0x00, 0xff);

/** Why a value has no entry: it is text of more than 256 bytes, or no text, number or bool. */
export type NotIndexed = "too-long" | "other-kind";

/**
 * @param value a google.protobuf.Value in canonical form
 * @returns its indexed form, or why it has none
 */
export function indexValue(value: Uint8Array, folded: boolean): Uint8Array | NotIndexed {
  switch (value[0]) {
    case tags.boolValue:
      return boolValue(value[1] === 1);
    case tags.numberValue:
      return numberValue(viewOf(value).readDoubleLE(1));
    case tags.stringValue: {
      const start = startOfText(value);
      return plainTextValue(value, start, folded) ?? textValue(viewOf(value).toString("utf8", start), folded);
    }
    default:
      return "other-kind";
  }
}

export function boolValue(value: boolean): Uint8Array {
  return Buffer.of(valueKinds.bool, value ? 1 : 0);
}

function numberValue(value: number): Uint8Array {
  const bytes = Buffer.alloc(1 + numberBytes);
  bytes[0] = valueKinds.number;
  // Adding 0 makes 0 of -0.
  bytes.writeDoubleBE(value + 0, 1);
  const isNegative = value < 0;
  for (let at = 1; at < bytes.length; at++) if (isNegative) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  if (!isNegative) bytes[1] = (bytes[1] ?? 0) ^ 0x80;
  return bytes;
}

export function textValue(text: string, folded: boolean): Uint8Array | "too-long" {
  const start = textStart(text, folded);
  return start === "too-long" ? start : Buffer.concat([start, textEnd]);
}

/** Most text is ASCII, in which only letters fold. @returns undefined for other text, or if it has a NUL or is too long */
function plainTextValue(value: Uint8Array, start: number, folded: boolean): Uint8Array | undefined {
  const length = value.length - start;
  if (length > limits.maxIndexedBytes) return undefined;
  const bytes = Buffer.allocUnsafe(1 + length + textEnd.length);
  bytes[0] = valueKinds.text;
  for (let at = 0; at < length; at++) {
    const byte = value[start + at] ?? 0;
    if (byte === 0 || byte >= 0x80) return undefined;
    bytes[1 + at] = folded && byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
  }
  bytes.set(textEnd, 1 + length);
  return bytes;
}

/** The beginning of the indexed forms of all texts that begin with one. */
export function textStart(text: string, folded: boolean): Uint8Array | "too-long" {
  // To fold it would take time.
  if (text.length > maxUnfoldedLength) return "too-long";
  const bytes = Buffer.from(folded ? fold(text) : text, "utf8");
  if (bytes.length > limits.maxIndexedBytes) return "too-long";
  return Buffer.concat([Buffer.of(valueKinds.text), bytes.includes(0) ? withoutNul(bytes) : bytes]);
}

function withoutNul(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([...bytes].map((byte) => (byte === 0 ? escapedNul : Buffer.of(byte))));
}

/** @returns the length of an indexed form at the beginning of `bytes`; undefined if there is none */
export function lengthOfValue(bytes: Uint8Array): number | undefined {
  switch (bytes[0]) {
    case valueKinds.bool:
      return bytes.length >= 2 ? 2 : undefined;
    case valueKinds.number:
      return bytes.length >= 1 + numberBytes ? 1 + numberBytes : undefined;
    case valueKinds.text:
      for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at + 2)) {
        if (bytes[at + 1] === textEnd[1]) return at + 2;
        if (bytes[at + 1] !== escapedNul[1]) return undefined;
      }
      return undefined;
    default:
      return undefined;
  }
}

/** The indexed form of a user's property, or why it has none; undefined if the user lacks the property. */
export function indexedValueOf(
  properties: CanonicalStruct,
  { property, folded }: IndexedProperty,
): Uint8Array | NotIndexed | undefined {
  const value = valueOfProperty(properties, property);
  return value && indexValue(value, folded);
}

/**
 * @param properties a canonical Struct
 * @returns the google.protobuf.Value of a property; undefined if there is none
 */
export function valueOfProperty(properties: Uint8Array, property: string): Uint8Array | undefined {
  const name = nameOf(property);
  const entry = new EntryCursor(properties);
  while (entry.next()) {
    const order = compareBytes(properties, entry.nameStart, entry.nameEnd, name, 0, name.length);
    if (order === 0) return properties.subarray(entry.valueStart, entry.end);
    if (order > 0) return undefined;
  }
  return undefined;
}

const names = new Map<string, Uint8Array>();

/** There are a few names, which are looked for in every user that is written. */
function nameOf(property: string): Uint8Array {
  const known = names.get(property);
  if (known !== undefined) return known;
  const bytes = Buffer.from(property, "utf8");
  if (names.size < limits.maxIndexes * 8) names.set(property, bytes);
  return bytes;
}

/** A text's tag and length come before it. */
function startOfText(value: Uint8Array): number {
  let at = 1;
  while ((value[at] ?? 0) >= 0x80) at++;
  return at + 1;
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
