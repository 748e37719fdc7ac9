import { Invalid } from "../parsed.ts";
import { BackwardWriter } from "./backward-writer.ts";
import { canonicalStruct } from "./canonical.ts";
import { EntryCursor } from "./entries.ts";
import { tags } from "./format.ts";

/** Reused, to save allocations. */
const writer = new BackwardWriter();

/**
 * Brings a google.protobuf.Value from the wire to the form that it has in a canonical Struct.
 *
 * @param pieces the occurrences of the message field: together they are one encoding of the Value
 * @returns undefined for bytes that are no Value, and for one that no property can have
 */
export function canonicalValue(pieces: readonly Uint8Array[]): Uint8Array | undefined {
  const struct = canonicalStruct([structOf(pieces)], "value");
  if (struct instanceof Invalid) return undefined;
  const entry = new EntryCursor(struct);
  return entry.next() ? struct.subarray(entry.valueStart, entry.end) : undefined;
}

/** A Struct whose only entry has the value. */
function structOf(pieces: readonly Uint8Array[]): Uint8Array {
  writer.clear();
  for (const piece of pieces.toReversed()) writer.bytes(piece);
  writer.head(tags.entryValue, 0);
  // Any name would do.
  writer.textField(tags.entryName, "v");
  writer.head(tags.structEntry, 0);
  return new Uint8Array(writer.written());
}
