/** Which entries in the indexes a user should have. */
import { entryPrefix, numberOfEntry } from "../../users/indexes/entries.ts";
import { indexedValueOf } from "../../users/indexes/index-value.ts";
import type { Index } from "../../users/indexes/indexed-property.ts";
import type { CanonicalStruct } from "../../users/struct/format.ts";

/**
 * Entries of a ready index follow from the properties. While an index is built, a user may still lack its entry. While one is dropped,
 * entries remain, and no write keeps them up to date.
 *
 * @param present the beginnings of the user's entries: number and value, as `entryPrefix` makes them
 * @returns what is wrong; undefined if nothing is
 */
export function problemOfEntries(
  indexes: readonly Index[],
  properties: CanonicalStruct,
  present: readonly Uint8Array[],
): string | undefined {
  const unknown = present.map(numberOfEntry).find((number) => indexes.every((index) => index.number !== number));
  if (unknown !== undefined) return `has an entry in an index that does not exist (number ${unknown})`;
  for (const index of indexes) {
    if (index.state === "dropping") continue;
    const { number, property, state } = index;
    const value = indexedValueOf(properties, index);
    const expected = value instanceof Uint8Array ? entryPrefix(number, value) : undefined;
    const found = present.filter((entry) => numberOfEntry(entry) === number);
    const isThere = found.some((entry) => expected !== undefined && Buffer.compare(entry, expected) === 0);
    if (found.length > (isThere ? 1 : 0)) return `has an entry in the index of ${property} that is not its value`;
    if (expected !== undefined && !isThere && state === "ready") return `has no entry in the index of ${property}`;
  }
  return undefined;
}
