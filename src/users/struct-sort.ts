/** Sorts the names of a Struct that is canonical in every other respect. Sorting changes no length. */
import { type CanonicalStruct, compareBytes, tags } from "./struct-format.ts";

/**
 * Sorts the names at every depth.
 *
 * @param bytes a Struct that lacks nothing to be canonical but the order of names, and perhaps that each stands once. Inner
 * Structs are sorted in place, by which it means the same as before.
 * @returns undefined where a name stands twice
 */
export function sortNames(bytes: Uint8Array): CanonicalStruct | undefined {
  const sorted = new Sorter(bytes).struct(0, bytes.length);
  return isSorted(sorted) ? sorted : undefined;
}

function isSorted(bytes: Uint8Array | undefined): bytes is CanonicalStruct {
  return bytes !== undefined;
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

  /** The sorted entries of the Struct; undefined where a name stands twice. */
  struct(start: number, end: number): Uint8Array | undefined {
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
      if (!this.#value(this.#pos)) return undefined;
      if (sorted && at > start) {
        sorted = compareBytes(bytes, previousStart, previousEnd, bytes, nameStart, nameEnd) < 0;
      }
      entries.push(at, nameStart, nameEnd, entryEnd);
      previousStart = nameStart;
      previousEnd = nameEnd;
      at = entryEnd;
    }
    return sorted ? bytes.subarray(start, end) : this.#sort(entries, end - start);
  }

  #sort(entries: readonly number[], size: number): Uint8Array | undefined {
    const bytes = this.#bytes;
    const order = this.#order(entries);
    for (let i = 1; i < order.length; i++) {
      if (this.#compare(entries, order[i - 1] ?? 0, order[i] ?? 0) === 0) return undefined;
    }
    const sorted = Buffer.allocUnsafe(size);
    let at = 0;
    for (const entry of order) {
      const last = entries[entry + endField] ?? 0;
      for (let from = entries[entry] ?? 0; from < last; from++) sorted[at++] = bytes[from] ?? 0;
    }
    return sorted;
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

  /** Sorts within the value at `at`, in place; answers false where a name stands twice. */
  #value(at: number): boolean {
    const tag = this.#bytes[at];
    if (tag !== tags.structValue && tag !== tags.listValue) return true;
    const end = this.#lengthDelimited(at);
    if (tag === tags.structValue) {
      const start = this.#pos;
      const sorted = this.struct(start, end);
      if (sorted !== undefined) this.#bytes.set(sorted, start);
      return sorted !== undefined;
    }
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
