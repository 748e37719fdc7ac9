/** Recognises canonical Structs without decoding them. */
import { isUtf8 } from "node:buffer";
import { limits } from "../limits.ts";
import {
  type CanonicalStruct,
  compareBytes,
  isFiniteDouble,
  propertiesLimits,
  type StructLimits,
  tags,
} from "./format.ts";

/**
 * `unsorted`: canonical except for the order of names, which may be repeated. `other`: not canonical in another way, or
 * beyond a limit.
 */
export type StructForm = "canonical" | "unsorted" | "other";

/** Whether `bytes` are a canonical Struct within the limits. Never throws. */
export function isCanonical(
  bytes: Uint8Array,
  structLimits: StructLimits = propertiesLimits,
): bytes is CanonicalStruct {
  return scanStruct(bytes, structLimits) === "canonical";
}

/** Never throws. */
export function scanStruct(bytes: Uint8Array, structLimits: StructLimits): StructForm {
  if (bytes.length > limits[structLimits.bytes]) return "other";
  return new Scanner(bytes, structLimits).scan();
}

/** Each method consumes what it names, and returns false at the first byte that is not canonical. */
class Scanner {
  readonly #bytes: Uint8Array;
  readonly #maxCount: number;
  #pos = 0;
  #sorted = true;

  constructor(bytes: Uint8Array, { count }: StructLimits) {
    this.#bytes = bytes;
    this.#maxCount = count === undefined ? Number.POSITIVE_INFINITY : limits[count];
  }

  scan(): StructForm {
    if (!this.#struct(this.#bytes.length, 0)) return "other";
    return this.#sorted ? "canonical" : "unsorted";
  }

  #struct(end: number, depth: number): boolean {
    const bytes = this.#bytes;
    let previousStart = -1;
    let previousEnd = -1;
    let count = 0;
    while (this.#pos < end) {
      const entryEnd = this.#lengthDelimited(tags.structEntry, end);
      if (entryEnd < 0) return false;
      const nameEnd = this.#lengthDelimited(tags.entryName, entryEnd);
      if (nameEnd < 0) return false;
      const nameStart = this.#pos;
      if (depth === 0) {
        const nameLength = nameEnd - nameStart;
        if (nameLength === 0 || nameLength > limits.maxPropertyNameBytes || ++count > this.#maxCount) return false;
      }
      if (!this.#string(nameEnd)) return false;
      if (previousStart >= 0 && compareBytes(bytes, previousStart, previousEnd, bytes, nameStart, nameEnd) >= 0) {
        this.#sorted = false;
      }
      previousStart = nameStart;
      previousEnd = nameEnd;
      if (this.#lengthDelimited(tags.entryValue, entryEnd) !== entryEnd) return false;
      if (depth === 0 && entryEnd - this.#pos > limits.maxValueBytes) return false;
      if (!this.#value(entryEnd, depth)) return false;
    }
    return true;
  }

  #list(end: number, depth: number): boolean {
    while (this.#pos < end) {
      const itemEnd = this.#lengthDelimited(tags.listItem, end);
      if (itemEnd < 0 || !this.#value(itemEnd, depth)) return false;
    }
    return true;
  }

  #value(end: number, depth: number): boolean {
    const pos = this.#pos;
    switch (this.#bytes[pos]) {
      case tags.stringValue:
        return this.#lengthDelimited(tags.stringValue, end) === end && this.#string(end);
      case tags.numberValue:
        this.#pos = end;
        return pos + 9 === end && isFiniteDouble(this.#bytes, pos + 1);
      case tags.boolValue:
        this.#pos = end;
        return pos + 2 === end && (this.#bytes[pos + 1] ?? 2) <= 1;
      case tags.nullValue:
        this.#pos = end;
        return pos + 2 === end && this.#bytes[pos + 1] === 0;
      case tags.structValue:
        if (depth >= limits.maxValueDepth) return false;
        return this.#lengthDelimited(tags.structValue, end) === end && this.#struct(end, depth + 1);
      case tags.listValue:
        if (depth >= limits.maxValueDepth) return false;
        return this.#lengthDelimited(tags.listValue, end) === end && this.#list(end, depth + 1);
      default:
        return false;
    }
  }

  /** Consumes text up to `end`. */
  #string(end: number): boolean {
    const bytes = this.#bytes;
    const start = this.#pos;
    this.#pos = end;
    for (let i = start; i < end; i++) {
      if ((bytes[i] ?? 0) >= 0x80) return isUtf8(bytes.subarray(i, end));
    }
    return true;
  }

  /** Consumes a tag and a length. @returns where the content ends, or -1 */
  #lengthDelimited(tag: number, end: number): number {
    const bytes = this.#bytes;
    let pos = this.#pos;
    if (pos >= end || bytes[pos++] !== tag) return -1;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[pos++];
      if (byte === undefined || shift > 21) return -1;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) return -1;
        break;
      }
    }
    const contentEnd = pos + length;
    if (contentEnd > end) return -1;
    this.#pos = pos;
    return contentEnd;
  }
}
