import type { Violation } from "./errors.ts";
import type { CanonicalStruct } from "./struct-format.ts";
import { normalizeProperties } from "./struct-normalize.ts";
import { isCanonicalProperties, type StructForm, scanProperties } from "./struct-scan.ts";
import { sortNames } from "./struct-sort.ts";

/**
 * Brings a Struct of properties, as it came over the wire, to canonical form. What is canonical already is taken as it
 * is; where only the order of names differs, as most clients send it, names are sorted; the rest is encoded anew.
 *
 * @param pieces the occurrences of the message field that holds the Struct: together they are one encoding of it
 * @param field the field's name, for errors
 * @returns the canonical Struct, or the paths of what is wrong: INVALID_PROPERTY, LIMIT_EXCEEDED, MALFORMED_REQUEST
 */
export function canonicalProperties(
  pieces: readonly Uint8Array[],
  field: string,
): { struct: CanonicalStruct } | { violations: readonly Violation[] } {
  const [only] = pieces;
  const encoded = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  const form = scanProperties(encoded);
  if (isCanonical(encoded, form)) return { struct: encoded };
  if (form === "unsorted") {
    const sorted = new Uint8Array(encoded);
    if (sortNames(sorted)) return { struct: sorted };
  }
  const { bytes, violations } = normalizeProperties(encoded, field);
  if (violations.length > 0) return { violations };
  if (isCanonicalProperties(bytes)) return { struct: bytes };
  throw new Error("normalized properties are not canonical");
}

function isCanonical(_bytes: Uint8Array, form: StructForm): _bytes is CanonicalStruct {
  return form === "canonical";
}
