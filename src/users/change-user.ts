/** From SetPreferences and DeleteUser, as a caller sent them, to commands for the store. */

import { invalidRequest, type Violation } from "./errors.ts";
import { type PreconditionInput, parsePrecondition } from "./precondition.ts";
import type { DeleteCommand, SetPreferencesCommand } from "./store.ts";
import { canonicalStruct } from "./struct/canonical.ts";
import { preferencesLimits } from "./struct/format.ts";
import { parseUserId } from "./user-id.ts";

export interface SetPreferencesInput {
  readonly id: Uint8Array;
  /** The occurrences of the `preferences` field: together one encoded Struct. */
  readonly preferences: readonly Uint8Array[];
  /** Whether they are merged into what is stored, one level deep, or replace it. */
  readonly merge: boolean;
  readonly precondition?: PreconditionInput | undefined;
}

export interface DeleteInput {
  readonly id: Uint8Array;
  readonly precondition?: PreconditionInput | undefined;
  /** Whether a user that is not there is success, whatever the precondition. */
  readonly allowMissing: boolean;
}

/**
 * @param mayRead whether the caller may learn what is stored
 * @throws UserError naming every offending field
 */
export function prepareSetPreferences(
  input: SetPreferencesInput,
  etag: string,
  mayRead: boolean,
): SetPreferencesCommand {
  const violations: Violation[] = [];
  const id = parseUserId(input.id);
  if (typeof id !== "string") violations.push(id);
  const preferences = canonicalStruct(input.preferences, "preferences", preferencesLimits);
  if ("violations" in preferences) violations.push(...preferences.violations);
  const parsed = parsePrecondition(input.precondition);
  if ("violations" in parsed) violations.push(...parsed.violations);
  if (typeof id !== "string" || "violations" in preferences || "violations" in parsed) throw invalidRequest(violations);
  const { merge } = input;
  const { precondition } = parsed;
  return {
    verb: "set-preferences",
    id,
    preferences: preferences.struct,
    merge,
    precondition,
    etag,
    hidesOutcome: !mayRead,
  };
}

/** @throws UserError naming every offending field */
export function prepareDelete(input: DeleteInput, etag: string): DeleteCommand {
  const violations: Violation[] = [];
  const id = parseUserId(input.id);
  if (typeof id !== "string") violations.push(id);
  const parsed = parsePrecondition(input.precondition);
  if ("violations" in parsed) violations.push(...parsed.violations);
  if (typeof id !== "string" || "violations" in parsed) throw invalidRequest(violations);
  return { verb: "delete", id, precondition: parsed.precondition, allowMissing: input.allowMissing, etag };
}
