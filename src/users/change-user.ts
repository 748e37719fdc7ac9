/** Makes commands for the store of SetPreferences and DeleteUser, as they came over the wire. */

import { allValid } from "./parsed.ts";
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
  /** Whether it is a success if there is no such user, whatever the precondition. */
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
  const [id, preferences, precondition] = allValid(
    parseUserId(input.id),
    canonicalStruct(input.preferences, "preferences", preferencesLimits),
    parsePrecondition(input.precondition),
  );
  const { merge } = input;
  return { verb: "set-preferences", id, preferences, merge, precondition, etag, hidesOutcome: !mayRead };
}

/** @throws UserError naming every offending field */
export function prepareDelete(input: DeleteInput, etag: string): DeleteCommand {
  const [id, precondition] = allValid(parseUserId(input.id), parsePrecondition(input.precondition));
  return { verb: "delete", id, precondition, allowMissing: input.allowMissing, etag };
}
