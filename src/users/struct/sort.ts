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

/** Of each entry: where it starts, where its name does, where that ends, and where the entry does. */
const fields = 4;
const [nameStartField, nameEndField, endField] = [1, 2, 3];
/** More entries than this are left to a sort that costs more for a few. */
const maxInsertionSort = 32;

/** Where entries are noted while a Struct is sorted: memory only, that is not given back each time. */
let notes = new Int32Array(4_096);

class Sorter {
  readonly #bytes: Uint8Array;
  #pos = 0;
  /** How many of the notes are taken: by the Structs around the one that is looked at, then by that. */
  #noted = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The sorted entries of the Struct; undefined where a name is repeated. */
  struct(start: number, end: number): Uint8Array | undefined {
    const bytes = this.#bytes;
    const first = this.#noted;
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
      this.#note(at, nameStart, nameEnd, entryEnd);
      previousStart = nameStart;
      previousEnd = nameEnd;
      at = entryEnd;
    }
    const count = (this.#noted - first) / fields;
    this.#noted = first;
    if (sorted) return bytes.subarray(start, end);
    return this.#sort(first, count) ? this.#copy(first, count, end - start) : undefined;
  }

  #note(start: number, nameStart: number, nameEnd: number, end: number): void {
    if (this.#noted + fields > notes.length) {
      const more = new Int32Array(2 * notes.length);
      more.set(notes);
      notes = more;
    }
    notes[this.#noted++] = start;
    notes[this.#noted++] = nameStart;
    notes[this.#noted++] = nameEnd;
    notes[this.#noted++] = end;
  }

  /** Sorts notes by the names; false where one is repeated. */
  #sort(first: number, count: number): boolean {
    return count > maxInsertionSort ? this.#sortMany(first, count) : this.#insertionSort(first, count);
  }

  #insertionSort(first: number, count: number): boolean {
    for (let i = 1; i < count; i++) {
      for (let at = first + i * fields; at > first; at -= fields) {
        const order = this.#compare(at - fields, at);
        if (order === 0) return false;
        if (order < 0) break;
        for (let field = 0; field < fields; field++) {
          const moved = notes[at + field] ?? 0;
          notes[at + field] = notes[at - fields + field] ?? 0;
          notes[at - fields + field] = moved;
        }
      }
    }
    return true;
  }

  /** Merges ever longer runs of notes that are sorted. */
  #sortMany(first: number, count: number): boolean {
    let from = Int32Array.from({ length: count }, (_, index) => first + index * fields);
    let to = new Int32Array(count);
    for (let run = 1; run < count; run *= 2) {
      for (let start = 0; start < count; start += 2 * run) {
        if (!this.#mergeRuns(from, to, start, run)) return false;
      }
      [from, to] = [to, from];
    }
    const sorted = new Int32Array(count * fields);
    for (let index = 0; index < count; index++) {
      for (let field = 0; field < fields; field++) {
        sorted[index * fields + field] = notes[(from[index] ?? 0) + field] ?? 0;
      }
    }
    notes.set(sorted, first);
    return true;
  }

  /** Merges two runs of places in the notes, side by side from `start` on; false where a name is in both. */
  #mergeRuns(from: Int32Array, to: Int32Array, start: number, run: number): boolean {
    const middle = Math.min(start + run, from.length);
    const end = Math.min(start + 2 * run, from.length);
    let left = start;
    let right = middle;
    for (let at = start; at < end; at++) {
      const a = from[left] ?? 0;
      const b = from[right] ?? 0;
      const order = left === middle ? 1 : right === end ? -1 : this.#compare(a, b);
      if (order === 0) return false;
      to[at] = order < 0 ? a : b;
      if (order < 0) left++;
      else right++;
    }
    return true;
  }

  /** The entries in the order of the notes. */
  #copy(first: number, count: number, size: number): Uint8Array {
    const bytes = this.#bytes;
    const copy = Buffer.allocUnsafe(size);
    let to = 0;
    for (let at = first; at < first + count * fields; at += fields) {
      const end = notes[at + endField] ?? 0;
      for (let from = notes[at] ?? 0; from < end; from++) copy[to++] = bytes[from] ?? 0;
    }
    return copy;
  }

  #compare(a: number, b: number): number {
    return compareBytes(
      this.#bytes,
      notes[a + nameStartField] ?? 0,
      notes[a + nameEndField] ?? 0,
      this.#bytes,
      notes[b + nameStartField] ?? 0,
      notes[b + nameEndField] ?? 0,
    );
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
