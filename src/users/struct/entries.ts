/** Finds and selects the entries of canonical Structs without decoding them. */
import { type CanonicalStruct, compareBytes, tags } from "./format.ts";

/**
 * Walks over the top-level entries of a canonical Struct, or of Edits. After `next()` returns true, the fields are positions
 * in `bytes`: the entry with its tag is [start, end), its name [nameStart, nameEnd), and its Value [valueStart, end), which
 * is empty if there is none.
 */
export class EntryCursor {
  readonly bytes: Uint8Array;
  start = 0;
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  end = 0;
  #pos = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Moves to the next entry; false after the last. */
  next(): boolean {
    this.start = this.end;
    if (this.start >= this.bytes.length) return false;
    this.#pos = this.start + 1;
    const entryLength = this.#varint();
    this.end = this.#pos + entryLength;
    this.#pos++;
    const nameLength = this.#varint();
    this.nameStart = this.#pos;
    this.nameEnd = this.#pos + nameLength;
    this.#pos = this.nameEnd;
    if (this.#pos < this.end) {
      this.#pos++;
      this.#varint();
    }
    this.valueStart = this.#pos;
    return true;
  }

  /** Compares the names of two entries by their bytes: negative, zero or positive. */
  compareName(other: EntryCursor): number {
    return compareBytes(this.bytes, this.nameStart, this.nameEnd, other.bytes, other.nameStart, other.nameEnd);
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.#pos++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}

/** Whether the Struct's property `name` (UTF-8) is a non-empty string; undefined if it has no such property. */
export function isNonEmptyString(struct: CanonicalStruct, name: Uint8Array): boolean | undefined {
  const entry = new EntryCursor(struct);
  while (entry.next()) {
    const order = compareBytes(struct, entry.nameStart, entry.nameEnd, name, 0, name.length);
    // An empty string is its tag and a length of zero.
    if (order === 0) return struct[entry.valueStart] === tags.stringValue && entry.end - entry.valueStart > 2;
    if (order > 0) return undefined;
  }
  return undefined;
}

/** The Struct with only the named properties. `names` are UTF-8 bytes written as latin1. */
export function selectProperties(struct: CanonicalStruct, names: ReadonlySet<string>): Uint8Array {
  const view = Buffer.from(struct.buffer, struct.byteOffset, struct.length);
  const entry = new EntryCursor(struct);
  const selected: Uint8Array[] = [];
  while (entry.next()) {
    if (names.has(view.toString("latin1", entry.nameStart, entry.nameEnd)))
      selected.push(view.subarray(entry.start, entry.end));
  }
  return Buffer.concat(selected);
}
