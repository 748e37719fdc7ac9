import type { Violation } from "./errors.ts";
import { type CanonicalStruct, propertiesLimits, type StructLimits } from "./struct-format.ts";
import { normalizeStruct } from "./struct-normalize.ts";
import { isCanonical, type StructForm, scanStruct } from "./struct-scan.ts";
import { sortNames } from "./struct-sort.ts";

/**
 * Brings a Struct, as it came over the wire, to canonical form. What is canonical already is taken as it
 * is; where only the order of names differs, as most clients send it, names are sorted where they stand; the rest is
 * encoded anew.
 *
 * @param pieces the occurrences of the message field that holds the Struct: together they are one encoding of it, and
 * stay one, but in another order perhaps
 * @param field the field's name, for errors
 * @returns the canonical Struct, or the paths of what is wrong: INVALID_PROPERTY, LIMIT_EXCEEDED, MALFORMED_REQUEST
 */
export function canonicalStruct(
  pieces: readonly Uint8Array[],
  field: string,
  structLimits: StructLimits = propertiesLimits,
): { struct: CanonicalStruct } | { violations: readonly Violation[] } {
  const [only] = pieces;
  const encoded = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  const form = scanStruct(encoded, structLimits);
  if (foundCanonical(encoded, form)) return { struct: encoded };
  if (form === "unsorted" && sortNames(encoded)) return { struct: encoded };
  const { bytes, violations } = normalizeStruct(encoded, field, structLimits);
  if (violations.length > 0) return { violations };
  if (isCanonical(bytes, structLimits)) return { struct: bytes };
  throw new Error("a normalized Struct is not canonical");
}

function foundCanonical(_bytes: Uint8Array, form: StructForm): _bytes is CanonicalStruct {
  return form === "canonical";
}
