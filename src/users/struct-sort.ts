/** Sorts the names of a Struct that is canonical in every other respect. Sorting changes no length. */
import { type CanonicalStruct, compareBytes, tags } from "./struct-format.ts";

/**
 * Sorts the names in place, at every depth. Entries of the same name keep their order, so that the bytes mean the same
 * whatever comes of it.
 *
 * @param bytes a Struct that lacks nothing to be canonical but the order of names, and perhaps that each stands once
 * @returns false where a name stands twice: the bytes are then sorted in part
 */
export function sortNames(bytes: Uint8Array): bytes is CanonicalStruct {
  return new Sorter(bytes).struct(0, bytes.length);
}

/** Of each entry: where it starts, where its name does, where that ends, and where the entry does. */
const fields = 4;
const [nameStartField, nameEndField, endField] = [1, 2, 3];
/** More entries than this are left to a sort that costs more for a few. */
const maxInsertionSort = 32;

class Sorter {
  readonly #bytes: Uint8Array;
  #pos = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  struct(start: number, end: number): boolean {
    const bytes = this.#bytes;
    const entries: number[] = [];
    let sorted = true;
    let previousStart = 0;
    let previousEnd = 0;
    for (let at = start; at < end; ) {
      const entryEnd = this.#lengthDelimited(at);
      const nameEnd = this.#lengthDelimited(this.#pos);
      const nameStart = this.#pos;
      this.#lengthDelimited(nameEnd);
      if (!this.#value(this.#pos)) return false;
      if (sorted && at > start) {
        sorted = compareBytes(bytes, previousStart, previousEnd, bytes, nameStart, nameEnd) < 0;
      }
      entries.push(at, nameStart, nameEnd, entryEnd);
      previousStart = nameStart;
      previousEnd = nameEnd;
      at = entryEnd;
    }
    return sorted || this.#sort(entries, start, end);
  }

  #sort(entries: readonly number[], start: number, end: number): boolean {
    const bytes = this.#bytes;
    const order = this.#order(entries);
    for (let i = 1; i < order.length; i++) {
      if (this.#compare(entries, order[i - 1] ?? 0, order[i] ?? 0) === 0) return false;
    }
    const unsorted = Buffer.allocUnsafe(end - start);
    unsorted.set(bytes.subarray(start, end));
    let at = start;
    for (const entry of order) {
      const last = (entries[entry + endField] ?? 0) - start;
      for (let from = (entries[entry] ?? 0) - start; from < last; from++) bytes[at++] = unsorted[from] ?? 0;
    }
    return true;
  }

  /** The places of the entries in `entries`, in the order of their names. */
  #order(entries: readonly number[]): number[] {
    const order: number[] = [];
    for (let entry = 0; entry < entries.length; entry += fields) order.push(entry);
    if (order.length > maxInsertionSort) return order.sort((a, b) => this.#compare(entries, a, b));
    for (let i = 1; i < order.length; i++) {
      const entry = order[i] ?? 0;
      let j = i;
      for (; j > 0 && this.#compare(entries, order[j - 1] ?? 0, entry) > 0; j--) order[j] = order[j - 1] ?? 0;
      order[j] = entry;
    }
    return order;
  }

  #compare(entries: readonly number[], a: number, b: number): number {
    return compareBytes(
      this.#bytes,
      entries[a + nameStartField] ?? 0,
      entries[a + nameEndField] ?? 0,
      this.#bytes,
      entries[b + nameStartField] ?? 0,
      entries[b + nameEndField] ?? 0,
    );
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
