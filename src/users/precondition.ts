import { limitExceeded } from "./errors.ts";
import { limits } from "./limits.ts";
import { Invalid, type Parsed } from "./parsed.ts";

/** The condition of a write: the user exists, or does not, or has this etag. */
export type Precondition = { readonly exists: boolean } | { readonly etag: string };

/** A precondition as it came over the wire: a oneof in the shape that generated messages have, perhaps empty. */
export interface PreconditionInput {
  readonly condition:
    | { readonly case: "exists"; readonly value: boolean }
    | { readonly case: "etag"; readonly value: string }
    | { readonly case: undefined; readonly value?: undefined };
}

export function parsePrecondition(input: PreconditionInput | undefined): Parsed<Precondition | undefined> {
  if (input === undefined) return undefined;
  const { condition } = input;
  if (condition.case === "exists") return { exists: condition.value };
  if (condition.case === undefined) return invalid("precondition", "has no condition: exists or etag is required");
  const etag = condition.value;
  const bytes = Buffer.byteLength(etag);
  if (bytes === 0) return invalid("precondition.etag", "is empty");
  if (bytes <= limits.maxEtagBytes) return { etag };
  return new Invalid(limitExceeded("precondition.etag", "maxEtagBytes", bytes, "bytes"));
}

function invalid(field: string, description: string): Invalid {
  return new Invalid({ field, reason: "INVALID_PRECONDITION", description });
}
