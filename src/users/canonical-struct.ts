import type { Violation } from "./errors.ts";
import type { CanonicalStruct } from "./struct-format.ts";
import { normalizeProperties } from "./struct-normalize.ts";
import { isCanonicalProperties } from "./struct-scan.ts";

/**
 * Brings a Struct of properties, as it came over the wire, to canonical form.
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
  if (isCanonicalProperties(encoded)) return { struct: encoded };
  const { bytes, violations } = normalizeProperties(encoded, field);
  if (violations.length > 0) return { violations };
  if (isCanonicalProperties(bytes)) return { struct: bytes };
  throw new Error("normalized properties are not canonical");
}
