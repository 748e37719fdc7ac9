/**
 * Decodes any encoding of a Struct by protobuf's rules: the last entry with a name wins, the last kind of a value wins,
 * messages in pieces are merged, and unknown fields are dropped.
 */

import { limits } from "../limits.ts";
import { FieldCursor } from "./field-cursor.ts";
import { tags } from "./format.ts";

/** A decoded value. Text stays bytes; names are latin1 strings of their bytes, which sort as the bytes do. */
export type DecodedValue =
  | { kind: "none" | "null" | "tooDeep" }
  | { kind: "bool"; value: boolean }
  | { kind: "number" | "string"; bytes: Uint8Array }
  | StructValue
  | ListValue;

interface StructValue {
  kind: "struct";
  entries: DecodedEntries;
}

interface ListValue {
  kind: "list";
  items: DecodedValue[];
}

export type DecodedEntries = Map<string, DecodedValue>;

export interface DecodeLimits {
  /** Entries of the Struct itself, including repeated names. */
  readonly maxEntries: number;
  /** Values at all depths. */
  readonly maxValues: number;
  /** The values left for several Structs together. Counted down. */
  readonly budget: DecodeBudget;
}

/** The values that may be decoded for one request. Only Structs in an unusual encoding, which few clients send, count. */
export class DecodeBudget {
  values = 128 * 1024;
}

/** There are more values than may be decoded. */
export class TooManyValues extends Error {}

/**
 * @throws RangeError for bytes that are not a Struct
 * @throws TooManyValues
 */
export function decodeStruct(bytes: Uint8Array, decodeLimits: DecodeLimits): DecodedEntries {
  return new Decoder(bytes, decodeLimits).whole();
}

const newStruct = (): StructValue => ({ kind: "struct", entries: new Map() });
const newList = (): ListValue => ({ kind: "list", items: [] });

/** Shared, and never changed. */
const emptyStruct = newStruct();
const emptyList = newList();
const none: DecodedValue = { kind: "none" };
const nullValue: DecodedValue = { kind: "null" };
const tooDeep: DecodedValue = { kind: "tooDeep" };
const yes: DecodedValue = { kind: "bool", value: true };
const no: DecodedValue = { kind: "bool", value: false };

/** Each method decodes the bytes [start, end), and may leave the cursor anywhere. */
class Decoder {
  readonly #bytes: Uint8Array;
  readonly #text: Buffer;
  readonly #cursor: FieldCursor;
  readonly #budget: DecodeBudget;
  #entriesLeft: number;
  #valuesLeft: number;

  constructor(bytes: Uint8Array, { maxEntries, maxValues, budget }: DecodeLimits) {
    this.#bytes = bytes;
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#cursor = new FieldCursor(bytes);
    this.#budget = budget;
    this.#entriesLeft = maxEntries;
    this.#valuesLeft = maxValues;
  }

  whole(): DecodedEntries {
    const entries: DecodedEntries = new Map();
    this.#struct(0, this.#bytes.length, 0, entries);
    return entries;
  }

  #struct(start: number, end: number, depth: number, into: DecodedEntries): void {
    const cursor = this.#cursor;
    for (cursor.end = start; cursor.next(end); ) {
      if (cursor.tag !== tags.structEntry) continue;
      if (depth === 0 && --this.#entriesLeft < 0) throw new TooManyValues();
      const after = cursor.end;
      this.#entry(cursor.contentStart, after, depth, into);
      cursor.end = after;
    }
  }

  #entry(start: number, end: number, depth: number, into: DecodedEntries): void {
    const cursor = this.#cursor;
    let nameStart = 0;
    let nameEnd = 0;
    let value: DecodedValue | undefined;
    for (cursor.end = start; cursor.next(end); ) {
      if (cursor.tag === tags.entryName) {
        nameStart = cursor.contentStart;
        nameEnd = cursor.end;
      } else if (cursor.tag === tags.entryValue) {
        const after = cursor.end;
        value = this.#value(cursor.contentStart, after, depth, value);
        cursor.end = after;
      }
    }
    if (value === undefined) this.#count();
    into.set(this.#text.toString("latin1", nameStart, nameEnd), value ?? none);
  }

  #list(start: number, end: number, depth: number, into: DecodedValue[]): void {
    const cursor = this.#cursor;
    for (cursor.end = start; cursor.next(end); ) {
      if (cursor.tag !== tags.listItem) continue;
      const after = cursor.end;
      into.push(this.#value(cursor.contentStart, after, depth));
      cursor.end = after;
    }
  }

  /** @param earlier what earlier pieces of the same value held */
  #value(start: number, end: number, depth: number, earlier: DecodedValue = none): DecodedValue {
    this.#count();
    const cursor = this.#cursor;
    let value = earlier;
    // A value may have millions of simple kinds: only the last one becomes an object.
    let simple = 0;
    let contentStart = 0;
    let contentEnd = 0;
    for (cursor.end = start; cursor.next(end); ) {
      switch (cursor.tag) {
        case tags.nullValue:
        case tags.numberValue:
        case tags.stringValue:
        case tags.boolValue:
          simple = cursor.tag;
          contentStart = cursor.contentStart;
          contentEnd = cursor.end;
          break;
        case tags.structValue:
        case tags.listValue: {
          const after = cursor.end;
          value = this.#inner(cursor.tag, cursor.contentStart, after, depth, simple === 0 ? value : none);
          simple = 0;
          cursor.end = after;
          break;
        }
      }
    }
    return simple === 0 ? value : this.#simple(simple, contentStart, contentEnd);
  }

  #simple(tag: number, start: number, end: number): DecodedValue {
    switch (tag) {
      case tags.numberValue:
        return { kind: "number", bytes: this.#bytes.subarray(start, end) };
      case tags.stringValue:
        return { kind: "string", bytes: this.#bytes.subarray(start, end) };
      case tags.boolValue:
        return this.#isZero(start, end) ? no : yes;
      default:
        return nullValue;
    }
  }

  /** @param before what the value held so far; a piece of the same kind is merged into it */
  #inner(tag: number, start: number, end: number, depth: number, before: DecodedValue): DecodedValue {
    if (depth >= limits.maxValueDepth) return tooDeep;
    if (tag === tags.structValue) {
      const known = before.kind === "struct" ? before : emptyStruct;
      if (start === end) return known;
      if (known === emptyStruct) this.#count();
      const value = known === emptyStruct ? newStruct() : known;
      this.#struct(start, end, depth + 1, value.entries);
      return value;
    }
    const known = before.kind === "list" ? before : emptyList;
    if (start === end) return known;
    if (known === emptyList) this.#count();
    const value = known === emptyList ? newList() : known;
    this.#list(start, end, depth + 1, value.items);
    return value;
  }

  /** Whether a varint is zero. */
  #isZero(start: number, end: number): boolean {
    for (let at = start; at < end; at++) if (((this.#bytes[at] ?? 0) & 0x7f) !== 0) return false;
    return true;
  }

  #count(): void {
    if (--this.#valuesLeft < 0 || --this.#budget.values < 0) throw new TooManyValues();
  }
}
