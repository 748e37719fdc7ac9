/** Plain ways to handle a google.protobuf.Struct: by protobuf-es, and by `Array.sort`. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Struct, StructSchema, type Value } from "@bufbuild/protobuf/wkt";
import { EntryCursor } from "../../../src/users/struct/entries.ts";
import { compareBytes, tags } from "../../../src/users/struct/format.ts";

/** Decodes a Struct with protobuf-es, sorts its names and encodes it again. Checks no limit. */
export function reencodeStruct(bytes: Uint8Array): Uint8Array {
  const struct = fromBinary(StructSchema, bytes);
  sortFields(struct);
  return toBinary(StructSchema, struct);
}

function sortFields(struct: Struct): void {
  const entries = Object.entries(struct.fields).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const [, value] of entries) sortValue(value);
  struct.fields = Object.fromEntries(entries);
}

function sortValue({ kind }: Value): void {
  if (kind.case === "structValue") sortFields(kind.value);
  else if (kind.case === "listValue") for (const item of kind.value.values) sortValue(item);
}

/** Does what `sortNames` does, with an object for each entry and `Array.sort`. */
export function sortWithArray(bytes: Uint8Array): Uint8Array | undefined {
  const entries: { start: number; end: number; nameStart: number; nameEnd: number }[] = [];
  const cursor = new EntryCursor(bytes);
  while (cursor.next()) {
    const { start, end, nameStart, nameEnd, valueStart } = cursor;
    if (!sortInside(bytes, valueStart)) return undefined;
    entries.push({ start, end, nameStart, nameEnd });
  }
  let hasRepeated = false;
  entries.sort((a, b) => {
    const order = compareBytes(bytes, a.nameStart, a.nameEnd, bytes, b.nameStart, b.nameEnd);
    if (order === 0) hasRepeated = true;
    return order;
  });
  if (hasRepeated) return undefined;
  return Buffer.concat(entries.map(({ start, end }) => bytes.subarray(start, end)));
}

function sortInside(bytes: Uint8Array, at: number): boolean {
  const tag = bytes[at];
  if (tag !== tags.structValue && tag !== tags.listValue) return true;
  const inner = contentAt(bytes, at);
  if (tag === tags.structValue) {
    const sorted = sortWithArray(inner);
    if (sorted !== undefined) inner.set(sorted);
    return sorted !== undefined;
  }
  for (let item = 0; item < inner.length; ) {
    const content = contentAt(inner, item);
    if (!sortInside(content, 0)) return false;
    item = content.byteOffset - inner.byteOffset + content.length;
  }
  return true;
}

/** The content of the length-delimited field at a position. */
function contentAt(bytes: Uint8Array, at: number): Uint8Array {
  let pos = at + 1;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[pos++] ?? 0;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) return bytes.subarray(pos, pos + length);
  }
}
