import { limitExceeded, type Violation } from "./errors.ts";
import { limits } from "./limits.ts";

/** What must hold for a write to happen: that the user exists, or does not, or has this etag. */
export type Precondition = { readonly exists: boolean } | { readonly etag: string };

/** A precondition as it came over the wire: a oneof in the shape that generated messages have, perhaps empty. */
export interface PreconditionInput {
  readonly condition:
    | { readonly case: "exists"; readonly value: boolean }
    | { readonly case: "etag"; readonly value: string }
    | { readonly case: undefined; readonly value?: undefined };
}

/** @returns what is wrong with the precondition, or the precondition, which is undefined where there is none */
export function parsePrecondition(
  input: PreconditionInput | undefined,
): { precondition: Precondition | undefined } | { violations: readonly Violation[] } {
  if (input === undefined) return { precondition: undefined };
  const { condition } = input;
  if (condition.case === "exists") return { precondition: { exists: condition.value } };
  if (condition.case === undefined) {
    return invalid("precondition", "has no condition: exists or etag is required");
  }
  const etag = condition.value;
  const bytes = Buffer.byteLength(etag);
  if (bytes === 0) return invalid("precondition.etag", "is empty");
  if (bytes <= limits.maxEtagBytes) return { precondition: { etag } };
  return { violations: [limitExceeded("precondition.etag", "maxEtagBytes", bytes, "bytes")] };
}

function invalid(field: string, description: string): { violations: readonly Violation[] } {
  return { violations: [{ field, reason: "INVALID_PRECONDITION", description }] };
}
