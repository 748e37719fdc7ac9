/** What one Identify asks to be done with the properties of a user: one sorted list of set, set once and unset. */
import type { Violation } from "../errors.ts";
import { formatPath } from "../field-path.ts";
import { Invalid, type Parsed } from "../parsed.ts";
import { EntryCursor } from "./entries.ts";
import { type CanonicalStruct, tags } from "./format.ts";

declare const checked: unique symbol;

/**
 * Entries sorted by the bytes of their names, each name once, in the encoding of a Struct's entries but for the tag, which
 * says what is to be done: `editTags`. An entry to unset has a name and no value. So a canonical Struct is a list of
 * entries to set.
 */
export type Edits = CanonicalStruct | (Uint8Array & { readonly [checked]: "Edits" });

export const editTags = { set: tags.structEntry, setOnce: 0x12, unset: 0x1a } as const;

/**
 * @param unset names as UTF-8, 1 to 128 bytes each, sorted, each once
 * @returns the edits, or a violation for each property that stands in more than one of the three
 */
export function combineEdits(
  set: CanonicalStruct,
  setOnce: CanonicalStruct,
  unset: readonly Uint8Array[],
): Parsed<Edits> {
  if (setOnce.length === 0 && unset.length === 0) return set;
  const edits = [
    ...entriesOf(set, "properties", editTags.set),
    ...entriesOf(setOnce, "set_once", editTags.setOnce),
    ...unset.map((name) => ({ field: "unset", name, bytes: unsetEntry(name) })),
  ].sort((a, b) => Buffer.compare(a.name, b.name));
  const violations = edits.flatMap((edit, index): Violation[] => {
    const before = edits[index - 1];
    if (before === undefined || Buffer.compare(before.name, edit.name) !== 0) return [];
    const field = formatPath(edit.field, [Buffer.from(edit.name).toString("utf8")]);
    return [{ field, reason: "INVALID_PROPERTY", description: `stands in ${before.field} too` }];
  });
  if (violations.length > 0) return new Invalid(...violations);
  const bytes = Buffer.concat(edits.map((edit) => edit.bytes));
  if (isEdits(bytes)) return bytes;
  throw new Error("edits are not well-formed");
}

/** Whether `bytes` are Edits, but for their values: those are not looked at. */
function isEdits(bytes: Uint8Array): bytes is Edits {
  let previous: Uint8Array | undefined;
  const entry = new EntryCursor(bytes);
  while (entry.next()) {
    const name = bytes.subarray(entry.nameStart, entry.nameEnd);
    if (previous !== undefined && Buffer.compare(previous, name) >= 0) return false;
    previous = name;
  }
  return entry.end === bytes.length;
}

interface Edit {
  readonly field: string;
  readonly name: Uint8Array;
  readonly bytes: Uint8Array;
}

function entriesOf(struct: CanonicalStruct, field: string, tag: number): Edit[] {
  const entry = new EntryCursor(struct);
  const entries: Edit[] = [];
  while (entry.next()) {
    const bytes = struct.slice(entry.start, entry.end);
    bytes[0] = tag;
    entries.push({ field, name: struct.subarray(entry.nameStart, entry.nameEnd), bytes });
  }
  return entries;
}

/** A name's length takes two bytes from 128 on, and its entry's from 126 on. */
function unsetEntry(name: Uint8Array): Uint8Array {
  const field = Buffer.concat([Buffer.of(tags.entryName), length(name.length), name]);
  return Buffer.concat([Buffer.of(editTags.unset), length(field.length), field]);
}

function length(value: number): Uint8Array {
  return value < 0x80 ? Buffer.of(value) : Buffer.of((value & 0x7f) | 0x80, value >> 7);
}
