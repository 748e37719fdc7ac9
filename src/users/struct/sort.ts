/** Sorts the names of a Struct that is canonical in every other respect. Sorting changes no length. */
import { type CanonicalStruct, compareBytes, tags } from "./format.ts";

/**
 * Sorts the names at every depth.
 *
 * @param bytes a Struct that lacks nothing to be canonical but the order of names, and perhaps that each stands once. Inner
 * Structs are sorted in place, by which it means the same as before.
 * @returns undefined where a name is repeated
 */
export function sortNames(bytes: Uint8Array): CanonicalStruct | undefined {
  const sorted = new Sorter(bytes).struct(0, bytes.length);
  return isSorted(sorted) ? sorted : undefined;
}

function isSorted(bytes: Uint8Array | undefined): bytes is CanonicalStruct {
  return bytes !== undefined;
}

/** Positions of an entry and of its name. */
interface Entry {
  readonly start: number;
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly end: number;
}

/** `Array.sort` takes longer for fewer entries, and most users have fewer: `npm run bench -- parts`. */
const maxInsertionSort = 16;

class Sorter {
  readonly #bytes: Uint8Array;
  #pos = 0;
  /** Whether a name was equal to another of its Struct. Every sort compares names that end up side by side. */
  #isRepeated = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The sorted entries of the Struct; undefined where a name is repeated. */
  struct(start: number, end: number): Uint8Array | undefined {
    const entries: Entry[] = [];
    let sorted = true;
    let previous: Entry | undefined;
    for (let at = start; at < end; ) {
      const entryEnd = this.#lengthDelimited(at);
      const nameEnd = this.#lengthDelimited(this.#pos);
      const entry: Entry = { start: at, nameStart: this.#pos, nameEnd, end: entryEnd };
      this.#lengthDelimited(nameEnd);
      if (!this.#value(this.#pos)) return undefined;
      if (sorted && previous !== undefined) sorted = this.#compare(previous, entry) < 0;
      entries.push(entry);
      previous = entry;
      at = entryEnd;
    }
    if (sorted) return this.#bytes.subarray(start, end);
    if (entries.length > maxInsertionSort) entries.sort((a, b) => this.#compare(a, b));
    else this.#insertionSort(entries);
    return this.#isRepeated ? undefined : this.#copy(entries, end - start);
  }

  #insertionSort(entries: Entry[]): void {
    for (let index = 1; index < entries.length; index++) {
      const entry = entries[index];
      if (entry === undefined) return;
      let at = index;
      for (; at > 0; at--) {
        const before = entries[at - 1];
        if (before === undefined || this.#compare(before, entry) <= 0) break;
        entries[at] = before;
      }
      entries[at] = entry;
    }
  }

  #copy(sorted: readonly Entry[], size: number): Uint8Array {
    const bytes = this.#bytes;
    const copy = Buffer.allocUnsafe(size);
    let to = 0;
    for (const { start, end } of sorted) {
      for (let from = start; from < end; from++) copy[to++] = bytes[from] ?? 0;
    }
    return copy;
  }

  #compare(a: Entry, b: Entry): number {
    const order = compareBytes(this.#bytes, a.nameStart, a.nameEnd, this.#bytes, b.nameStart, b.nameEnd);
    if (order === 0) this.#isRepeated = true;
    return order;
  }

  /** Sorts within the value at `at`, in place; answers false where a name is repeated. */
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
