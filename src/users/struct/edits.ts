/** What one Identify does to a user's properties, as one sorted list: what it sets, sets once and unsets. */
import type { Violation } from "../errors.ts";
import { formatPath } from "../field-path.ts";
import { Invalid, type Parsed } from "../parsed.ts";
import { EntryCursor } from "./entries.ts";
import { type CanonicalStruct, tags } from "./format.ts";

declare const checked: unique symbol;

/**
 * Entries sorted by the bytes of their names, each name once. They are encoded as a Struct's entries, except that the tag
 * says what to do (`editTags`), and an entry to unset has no value. So a canonical Struct is a list of entries to set.
 */
export type Edits = CanonicalStruct | (Uint8Array & { readonly [checked]: "Edits" });

export const editTags = { set: tags.structEntry, setOnce: 0x12, unset: 0x1a } as const;

/** Bytes that are known to be Edits, because `combineEdits` or a checked Struct made them. */
export function trustedEdits(bytes: Uint8Array): Edits;
export function trustedEdits(bytes: Uint8Array): Uint8Array {
  return bytes;
}

/**
 * Invalid if a property stands in more than one of the three.
 *
 * @param unset names as UTF-8, 1 to 128 bytes each, sorted, each once
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
  return trustedEdits(Buffer.concat(edits.map((edit) => edit.bytes)));
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
