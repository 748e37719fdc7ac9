import { limitExceeded, type Violation } from "./errors.ts";
import { limits } from "./limits.ts";

/** What must hold for a write to happen: that the user exists, or does not, or has this etag. */
export type Precondition = { readonly exists: boolean } | { readonly etag: string };

/** A precondition as it came over the wire: perhaps without a condition. */
export type PreconditionInput = Precondition | Record<never, never> | undefined;

/** @returns what is wrong with the precondition, or the precondition, which is undefined where there is none */
export function parsePrecondition(
  input: PreconditionInput,
): { precondition: Precondition | undefined } | { violations: readonly Violation[] } {
  if (input === undefined) return { precondition: undefined };
  if ("exists" in input) return { precondition: input };
  if (!("etag" in input)) return invalid("precondition", "has no condition: exists or etag is required");
  const bytes = Buffer.byteLength(input.etag);
  if (bytes === 0) return invalid("precondition.etag", "is empty");
  if (bytes <= limits.maxEtagBytes) return { precondition: input };
  return { violations: [limitExceeded("precondition.etag", "maxEtagBytes", bytes, "bytes")] };
}

function invalid(field: string, description: string): { violations: readonly Violation[] } {
  return { violations: [{ field, reason: "INVALID_PRECONDITION", description }] };
}
