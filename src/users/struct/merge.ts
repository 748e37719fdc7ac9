/** What becomes of a user's properties when edits are applied to them. */
import { type Edits, editTags } from "./edits.ts";
import { EntryCursor } from "./entries.ts";
import { type CanonicalStruct, compareBytes, tags } from "./format.ts";
import type { Marks } from "./observed.ts";

/** What stands around a merge: times are microseconds since 1970. */
export interface MergeContext {
  /** When the edits were observed. Without it they always apply. */
  readonly observedAt?: number | undefined;
  /** The store's clock. */
  readonly now: number;
  /** Whether these very edits made the properties what they are: their answer was lost, and is asked for again. */
  readonly again?: boolean;
}

/** What a merge came to, not yet held against the limits. */
export interface Merged {
  /** The merged Struct; undefined where no property differs. */
  readonly properties: Uint8Array | undefined;
  /** How many properties the user has, those counted that were removed and have a mark. */
  readonly count: number;
  /** Whether a mark was set or lifted: `marks` was changed in place. */
  readonly marked: boolean;
  /** Names, in UTF-8, of what had no effect: what lost by time, and what was to be set once and was there. */
  readonly ignored: readonly Uint8Array[];
}

/**
 * Applies edits one level deep: each takes the place of the stored property of that name, unless that was observed later,
 * or was there and is to be set once.
 *
 * @param marks changed in place
 */
export function applyEdits(stored: CanonicalStruct, edits: Edits, marks: Marks, context: MergeContext): Merged {
  const a = new EntryCursor(stored);
  const b = new EntryCursor(edits);
  const keepsMarks = marks.size > 0 || context.observedAt !== undefined;
  const pieces: Uint8Array[] = [];
  const ignored: Uint8Array[] = [];
  const withValue = new Set<string>();
  let count = 0;
  let marked = false;
  /** Stored entries from here on stay as they are. */
  let kept = 0;
  let moreStored = a.next();
  let moreEdits = b.next();
  while (moreStored || moreEdits) {
    const order = !moreStored ? 1 : !moreEdits ? -1 : a.compareName(b);
    const before = order <= 0 ? a : undefined;
    const name = keepsMarks ? nameOf(order < 0 ? a : b) : "";
    let hasValue = before !== undefined;
    if (order >= 0) {
      const mark = keepsMarks ? marks.get(name) : undefined;
      if (takesEffect(b, before, mark, context)) {
        hasValue = tagOf(b) !== editTags.unset;
        if (hasValue ? before === undefined || compareValues(before, b) !== 0 : before !== undefined) {
          pieces.push(stored.subarray(kept, a.start), newEntry(b));
          kept = before === undefined ? a.start : a.end;
        }
        if (keepsMarks) marked = setMark(marks, name, mark, context) || marked;
      } else ignored.push(edits.subarray(b.nameStart, b.nameEnd));
    }
    if (hasValue) {
      count++;
      if (keepsMarks) withValue.add(name);
    }
    if (order <= 0) moreStored = a.next();
    if (order >= 0) moreEdits = b.next();
  }
  const removed = keepsMarks ? [...marks.keys()].filter((name) => !withValue.has(name)).length : 0;
  const properties = pieces.length > 0 ? Buffer.concat([...pieces, stored.subarray(kept)]) : undefined;
  return { properties, count: count + removed, marked, ignored };
}

/** The most bytes that the properties can come to when edits are applied, whichever of the edits take effect. */
export function mostBytes(stored: CanonicalStruct, edits: Edits): number {
  const a = new EntryCursor(stored);
  const b = new EntryCursor(edits);
  let bytes = stored.length;
  let moreStored = a.next();
  while (b.next()) {
    while (moreStored && a.compareName(b) < 0) moreStored = a.next();
    const before = moreStored && a.compareName(b) === 0 ? a.end - a.start : 0;
    const after = tagOf(b) === editTags.unset ? 0 : b.end - b.start;
    bytes += Math.max(0, after - before);
  }
  return bytes;
}

function takesEffect(
  edit: EntryCursor,
  stored: EntryCursor | undefined,
  mark: number | undefined,
  { observedAt, again }: MergeContext,
): boolean {
  if (tagOf(edit) === editTags.setOnce)
    return stored === undefined || (again === true && compareValues(edit, stored) === 0);
  if (observedAt === undefined || mark === undefined || observedAt > mark) return true;
  if (observedAt < mark) return false;
  if (stored === undefined) return true;
  return tagOf(edit) !== editTags.unset && compareValues(edit, stored) >= 0;
}

const nothing: Uint8Array = new Uint8Array();

/** The entry that an edit leaves behind: nothing where it unsets. */
function newEntry(edit: EntryCursor): Uint8Array {
  switch (tagOf(edit)) {
    case editTags.set:
      return edit.bytes.subarray(edit.start, edit.end);
    case editTags.setOnce: {
      const entry = edit.bytes.slice(edit.start, edit.end);
      entry[0] = tags.structEntry;
      return entry;
    }
    default:
      return nothing;
  }
}

/** Whether the mark is another than before. */
function setMark(marks: Marks, name: string, mark: number | undefined, { observedAt, now }: MergeContext): boolean {
  const time = observedAt ?? (mark === undefined ? undefined : Math.max(mark, now));
  if (time === undefined || time === mark) return false;
  marks.set(name, time);
  return true;
}

function tagOf({ bytes, start }: EntryCursor): number | undefined {
  return bytes[start];
}

function nameOf({ bytes, nameStart, nameEnd }: EntryCursor): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + nameStart, nameEnd - nameStart).toString("latin1");
}

function compareValues(a: EntryCursor, b: EntryCursor): number {
  return compareBytes(a.bytes, a.valueStart, a.end, b.bytes, b.valueStart, b.end);
}
