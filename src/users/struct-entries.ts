/** Walks over canonical Structs entry by entry: finding, selecting, merging. Nothing is decoded. */
import { type CanonicalStruct, compareBytes, tags } from "./struct-format.ts";

/**
 * The top-level entries of a canonical Struct, one at a time in order. After `next()` answers true, the fields are
 * positions in `bytes`: the entry with its tag is [start, end), its name [nameStart, nameEnd), its Value [valueStart, end).
 */
export class EntryCursor {
  readonly bytes: CanonicalStruct;
  start = 0;
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  end = 0;
  #pos = 0;

  constructor(bytes: CanonicalStruct) {
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
    this.#pos = this.nameEnd + 1;
    this.#varint();
    this.valueStart = this.#pos;
    return true;
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

/** Whether the Struct has the property `name` (UTF-8) as a non-empty string; undefined where it has no such property. */
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

/** The Struct with only the properties named, of those that it has. `names` are UTF-8 bytes written as latin1. */
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

/** What a merge came to: the merged Struct, not yet held against the limits, and how many properties it has. */
export interface Merged {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/**
 * Merges one level deep: each entry of `sent` takes the place of the stored entry of that name, or is added.
 *
 * @returns undefined where nothing differs
 */
export function mergeStructs(stored: CanonicalStruct, sent: CanonicalStruct): Merged | undefined {
  const a = new EntryCursor(stored);
  const b = new EntryCursor(sent);
  const pieces: Uint8Array[] = [];
  let count = 0;
  let differs = false;
  let moreStored = a.next();
  let moreSent = b.next();
  while (moreStored || moreSent) {
    const order = !moreStored
      ? 1
      : !moreSent
        ? -1
        : compareBytes(stored, a.nameStart, a.nameEnd, sent, b.nameStart, b.nameEnd);
    count++;
    if (order < 0) pieces.push(stored.subarray(a.start, a.end));
    else {
      pieces.push(sent.subarray(b.start, b.end));
      differs ||= order > 0 || compareBytes(stored, a.start, a.end, sent, b.start, b.end) !== 0;
    }
    if (order <= 0) moreStored = a.next();
    if (order >= 0) moreSent = b.next();
  }
  return differs ? { bytes: Buffer.concat(pieces), count } : undefined;
}
