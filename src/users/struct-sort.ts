/** Sorts the names of a Struct that is canonical in every other respect. Sorting changes no length. */
import { type CanonicalStruct, compareBytes, tags } from "./struct-format.ts";

/**
 * Sorts the names in place, at every depth.
 *
 * @param bytes a Struct that lacks nothing to be canonical but the order of names, and perhaps that each stands once
 * @returns false where a name stands twice: the bytes are then left in between
 */
export function sortNames(bytes: Uint8Array): bytes is CanonicalStruct {
  return new Sorter(bytes).struct(0, bytes.length);
}

interface Entry {
  readonly start: number;
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly end: number;
}

class Sorter {
  readonly #bytes: Uint8Array;
  #pos = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  struct(start: number, end: number): boolean {
    const bytes = this.#bytes;
    const entries: Entry[] = [];
    let sorted = true;
    for (let at = start; at < end; ) {
      const entryEnd = this.#lengthDelimited(at);
      const nameEnd = this.#lengthDelimited(this.#pos);
      const nameStart = this.#pos;
      this.#lengthDelimited(nameEnd);
      if (!this.#value(this.#pos)) return false;
      const previous = entries.at(-1);
      if (previous !== undefined && sorted) {
        sorted = compareBytes(bytes, previous.nameStart, previous.nameEnd, bytes, nameStart, nameEnd) < 0;
      }
      entries.push({ start: at, nameStart, nameEnd, end: entryEnd });
      at = entryEnd;
    }
    return sorted || this.#sort(entries, start, end);
  }

  #sort(entries: Entry[], start: number, end: number): boolean {
    const bytes = this.#bytes;
    let unique = true;
    entries.sort((a, b) => {
      const order = compareBytes(bytes, a.nameStart, a.nameEnd, bytes, b.nameStart, b.nameEnd);
      if (order === 0) unique = false;
      return order;
    });
    if (!unique) return false;
    const unsorted = bytes.slice(start, end);
    let at = start;
    for (const entry of entries) {
      bytes.set(unsorted.subarray(entry.start - start, entry.end - start), at);
      at += entry.end - entry.start;
    }
    return true;
  }

  /** Sorts within the value at `at`. */
  #value(at: number): boolean {
    const tag = this.#bytes[at];
    if (tag !== tags.structValue && tag !== tags.listValue) return true;
    const end = this.#lengthDelimited(at);
    if (tag === tags.structValue) return this.struct(this.#pos, end);
    for (let item = this.#pos; item < end; ) {
      const itemEnd = this.#lengthDelimited(item);
      if (!this.#value(this.#pos)) return false;
      item = itemEnd;
    }
    return true;
  }

  /** Moves to the content of the length-delimited field at `at`; answers where it ends. */
  #lengthDelimited(at: number): number {
    let pos = at + 1;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[pos++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    this.#pos = pos;
    return pos + length;
  }
}
