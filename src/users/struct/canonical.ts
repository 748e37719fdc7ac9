import { Invalid, type Parsed } from "../parsed.ts";
import { DecodeBudget } from "./decode.ts";
import { type CanonicalStruct, propertiesLimits, type StructLimits } from "./format.ts";
import { normalizeStruct } from "./normalize.ts";
import { isCanonical, type StructForm, scanStruct } from "./scan.ts";
import { sortNames } from "./sort.ts";

/**
 * Brings a Struct from the wire to canonical form. A canonical Struct is taken as it is. If only the names are unsorted, as
 * most clients send them, they are sorted. Any other encoding is decoded and encoded again.
 *
 * @param pieces the occurrences of the message field: together they are one encoding of the Struct. They may be sorted in
 * place, which does not change the Struct
 * @param field the field's name, for errors
 * @param budget for the values of all Structs of the request that must be decoded
 * @returns the canonical Struct; Invalid with INVALID_PROPERTY, LIMIT_EXCEEDED or MALFORMED_REQUEST
 */
export function canonicalStruct(
  pieces: readonly Uint8Array[],
  field: string,
  structLimits: StructLimits = propertiesLimits,
  budget: DecodeBudget = new DecodeBudget(),
): Parsed<CanonicalStruct> {
  const [only = nothing] = pieces;
  const encoded = pieces.length > 1 ? Buffer.concat(pieces) : only;
  const form = scanStruct(encoded, structLimits);
  if (foundCanonical(encoded, form)) return encoded;
  if (form === "unsorted") {
    const sorted = sortNames(encoded);
    if (sorted !== undefined) return sorted;
  }
  const normalized = normalizeStruct(encoded, field, structLimits, budget);
  if (normalized instanceof Invalid || isCanonical(normalized, structLimits)) return normalized;
  throw new Error("a normalized Struct is not canonical");
}

const nothing: Uint8Array = new Uint8Array();

function foundCanonical(_bytes: Uint8Array, form: StructForm): _bytes is CanonicalStruct {
  return form === "canonical";
}
