/** What the edits of a command do to the user's entries in indexes, if they win. */
import { indexValue, type NotIndexed } from "../../users/indexes/index-value.ts";
import { type Index, isMaintained } from "../../users/indexes/indexed-property.ts";
import { type Edits, editTags } from "../../users/struct/edits.ts";
import { EntryCursor } from "../../users/struct/entries.ts";
import { compareBytes } from "../../users/struct/format.ts";
import type { PackedWriter } from "./buffer.ts";

/** Indexes that writes maintain, prepared for a look at many edits. */
export interface EditedIndexes {
  /** Sorted by their numbers, as a user's entries are. */
  readonly numbers: readonly number[];
  /** Sorted by the bytes of the properties' names, as edits are. `at` is the place among the numbers. */
  readonly byName: readonly { readonly name: Uint8Array; readonly folded: boolean; readonly at: number }[];
}

/** @returns undefined if writes maintain none */
export function editedIndexes(indexes: readonly Index[]): EditedIndexes | undefined {
  const sorted = indexes.filter(isMaintained).toSorted((a, b) => a.number - b.number);
  const byName = sorted
    .map(({ property, folded }, at) => ({ name: Buffer.from(property, "utf8"), folded, at }))
    .sort((a, b) => Buffer.compare(a.name, b.name));
  return sorted.length === 0 ? undefined : { numbers: sorted.map(({ number }) => number), byName };
}

const numberBytes = 2;
const lengthBytes = 2;

/**
 * Appends u16 the length of what follows; and unless the edits are of no index: u16+entries that they set, u8+numbers (u16,
 * big-endian) of the indexes in which they leave none, and u8+numbers of those for which a value is too long. Of an entry, there is
 * u16 the length, and its beginning: number and value.
 */
export function packIndexedEdits(writer: PackedWriter, edits: Edits, { numbers, byName }: EditedIndexes): void {
  /** By place: the value, or why there is none. */
  const values: (Uint8Array | "none" | NotIndexed | undefined)[] = [];
  let setBytes = 0;
  let unsetBytes = 0;
  let tooLongBytes = 0;
  const edit = new EntryCursor(edits);
  let next = 0;
  let isThere = edit.next();
  for (let index = byName[next]; isThere && index !== undefined; index = byName[next]) {
    const order = compareBytes(edits, edit.nameStart, edit.nameEnd, index.name, 0, index.name.length);
    if (order < 0) {
      isThere = edit.next();
      continue;
    }
    next++;
    if (order > 0) continue;
    const isUnset = edits[edit.start] === editTags.unset;
    const value = isUnset ? "none" : indexValue(edits.subarray(edit.valueStart, edit.end), index.folded);
    values[index.at] = value;
    if (value === "too-long") tooLongBytes += numberBytes;
    if (typeof value === "string") unsetBytes += numberBytes;
    else setBytes += lengthBytes + numberBytes + value.length;
  }
  if (setBytes + unsetBytes === 0) {
    writer.u16(0);
    return;
  }
  writer.u16(lengthBytes + setBytes + 1 + unsetBytes + 1 + tooLongBytes).u16(setBytes);
  for (const [at, value] of values.entries()) {
    if (value instanceof Uint8Array) writeEntry(writer, numbers[at] ?? 0, value);
  }
  writer.u8(unsetBytes);
  for (const [at, value] of values.entries()) if (typeof value === "string") writeNumber(writer, numbers[at] ?? 0);
  writer.u8(tooLongBytes);
  for (const [at, value] of values.entries()) if (value === "too-long") writeNumber(writer, numbers[at] ?? 0);
}

/** A user's value in an index. */
interface IndexedValue {
  readonly number: number;
  readonly value: Uint8Array;
}

/** Appends u16+entries, in the order of their numbers. */
export function packEntries(writer: PackedWriter, values: readonly IndexedValue[]): void {
  writer.u16(values.reduce((sum, { value }) => sum + lengthBytes + numberBytes + value.length, 0));
  for (const { number, value } of values.toSorted((a, b) => a.number - b.number)) writeEntry(writer, number, value);
}

/** What the entries in a field `i` begin with: each behind its length. @returns undefined if it cannot be read */
export function startsIn(field: Buffer): readonly Uint8Array[] | undefined {
  const starts: Uint8Array[] = [];
  for (let at = 0; at < field.length; ) {
    const from = at + lengthBytes;
    const end = from <= field.length ? from + field.readUInt16LE(at) : Number.POSITIVE_INFINITY;
    if (end > field.length) return undefined;
    starts.push(field.subarray(from, end));
    at = end;
  }
  return starts;
}

function writeEntry(writer: PackedWriter, number: number, value: Uint8Array): void {
  writer.u16(numberBytes + value.length);
  writeNumber(writer, number);
  writer.raw(value);
}

/** Big-endian, so that entries sort by it. */
function writeNumber(writer: PackedWriter, number: number): void {
  writer.u8(number >> 8).u8(number & 0xff);
}
