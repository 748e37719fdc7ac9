/** Turns a refusal of the store into the error for the caller. */
import {
  etagMismatch,
  invalidRequest,
  limitExceeded,
  storeFull,
  storeUnavailable,
  type UserError,
  userAlreadyExists,
  userDamaged,
  userNotFound,
} from "./errors.ts";
import { type RequiredProperties, requiredMissing, requiredViolation } from "./identify.ts";
import { observedTooFarAhead } from "./observed-at.ts";
import type { Refused } from "./store.ts";
import { preferencesLimits, propertiesLimits } from "./struct/format.ts";

export interface RefusedCommand {
  /** The field that the command writes. */
  readonly field: "properties" | "preferences";
  /** The required properties that it lacks. */
  readonly missing: readonly string[];
  readonly required: RequiredProperties;
  /** Whether the caller may learn how large the stored user is. */
  readonly mayRead: boolean;
}

export function refusal(result: Refused, { field, missing, required, mayRead }: RefusedCommand): UserError {
  const told = (actual: number) => (mayRead ? actual : undefined);
  switch (result.refused) {
    case "required-missing": {
      const description = "is required to create a user: it must be a non-empty string";
      return requiredMissing(
        missing.map((name) => requiredViolation("properties", name, description)),
        required,
      );
    }
    case "observed-ahead":
      return invalidRequest([observedTooFarAhead()]);
    case "not-found":
      return userNotFound();
    case "already-exists":
      return userAlreadyExists();
    case "etag-mismatch":
      return etagMismatch();
    case "store-full":
      return storeFull();
    case "damaged":
      return userDamaged(result.part, result.applied);
    case "uncertain":
      return storeUnavailable();
    case "too-many-properties":
      return invalidRequest([
        limitExceeded(field, "maxProperties", told(result.count), "properties", "the user would have"),
      ]);
    case "too-large": {
      const limit = (field === "properties" ? propertiesLimits : preferencesLimits).bytes;
      return invalidRequest([limitExceeded(field, limit, told(result.bytes), "bytes", "the user's would have")]);
    }
  }
}
