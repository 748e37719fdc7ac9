/** Makes a command for the store of an Identify, as it came over the wire. */

import { invalidRequest, scopeMissing, type Violation } from "./errors.ts";
import { formatPath } from "./field-path.ts";
import { parseObservedAt } from "./observed-at.ts";
import { allValid } from "./parsed.ts";
import { type PreconditionInput, parsePrecondition } from "./precondition.ts";
import { parseNames, sortedNames } from "./property-names.ts";
import type { IdentifyCommand } from "./store.ts";
import { canonicalStruct } from "./struct/canonical.ts";
import { DecodeBudget } from "./struct/decode.ts";
import { combineEdits } from "./struct/edits.ts";
import { isNonEmptyString } from "./struct/entries.ts";
import { type CanonicalStruct, propertiesLimits } from "./struct/format.ts";
import type { TimestampInput } from "./timestamp.ts";
import { parseUserId } from "./user-id.ts";

/** An Identify as it came over the wire: a decoded IdentifyRequest is one as it is. */
export interface IdentifyInput {
  readonly id: Uint8Array;
  /** The occurrences of the `properties` field: together one encoded Struct. */
  readonly properties: readonly Uint8Array[];
  /** The occurrences of the `set_once` field: together one encoded Struct. */
  readonly setOnce: readonly Uint8Array[];
  /** Names. */
  readonly unset: readonly Uint8Array[];
  readonly precondition?: PreconditionInput | undefined;
  readonly observedAt?: TimestampInput | undefined;
  readonly validateOnly: boolean;
}

/** The properties that every user has as non-empty strings. */
export interface RequiredProperties {
  readonly names: readonly string[];
  /** The names' UTF-8 bytes, in the same order. */
  readonly encoded: readonly Uint8Array[];
}

export function requiredProperties(names: readonly string[]): RequiredProperties {
  return { names, encoded: names.map((name) => Buffer.from(name, "utf8")) };
}

export interface PrepareOptions {
  readonly etag: string;
  readonly wantUser: boolean;
  /** Whether the caller may learn what is stored. */
  readonly mayRead: boolean;
}

/** A command, and the required properties that it lacks. */
export type PreparedIdentify = { readonly command: IdentifyCommand; readonly missing: readonly string[] };

/**
 * Checks everything that can be checked without the store.
 *
 * @param budget for the values of all Structs of the request that must be decoded
 * @throws UserError INVALID_ID, INVALID_PROPERTY, REQUIRED_PROPERTY_MISSING, LIMIT_EXCEEDED, MALFORMED_REQUEST,
 * INVALID_PRECONDITION or INVALID_OBSERVED_AT, naming every offending field; SCOPE_MISSING for a validation by a caller that
 * may not learn what is stored
 */
export function prepareIdentify(
  input: IdentifyInput,
  required: RequiredProperties,
  { etag, wantUser, mayRead }: PrepareOptions,
  budget = new DecodeBudget(),
): PreparedIdentify {
  if (input.validateOnly && !mayRead) throw scopeMissing("users.read", "validate_only");
  const sentSet = canonicalStruct(input.properties, "properties", propertiesLimits, budget);
  const sentSetOnce = canonicalStruct(input.setOnce, "set_once", propertiesLimits, budget);
  const [id, set, setOnce, unset, precondition, observedAt] = allValid(
    parseUserId(input.id),
    sentSet,
    sentSetOnce,
    parseNames(input.unset, "unset"),
    parsePrecondition(input.precondition),
    parseObservedAt(input.observedAt, sentSetOnce),
  );
  const [edits] = allValid(combineEdits(set, setOnce, sortedNames(unset)));
  const { missing, misused } = checkRequired(required, set, setOnce, unset);
  if (misused.length > 0) throw requiredMissing(misused, required);
  const command: IdentifyCommand = {
    verb: "identify",
    id,
    edits,
    onlySets: edits === set,
    observedAt,
    precondition,
    validateOnly: input.validateOnly,
    canCreate: missing.length === 0,
    etag,
    wantUser,
    hidesOutcome: !mayRead,
  };
  return { command, missing };
}

/** Finds required properties that the request lacks, and those that it unsets or sets to something else. */
function checkRequired(
  required: RequiredProperties,
  set: CanonicalStruct,
  setOnce: CanonicalStruct,
  unset: readonly Uint8Array[],
): { missing: readonly string[]; misused: readonly Violation[] } {
  const missing: string[] = [];
  const misused: Violation[] = [];
  for (const [index, encoded] of required.encoded.entries()) {
    const inSet = isNonEmptyString(set, encoded);
    if (inSet === true && setOnce.length === 0 && unset.length === 0) continue;
    const name = required.names[index] ?? "";
    const unsetAt = unset.findIndex((other) => Buffer.compare(other, encoded) === 0);
    const inSetOnce = isNonEmptyString(setOnce, encoded);
    const description = "is required: it must be a non-empty string";
    if (unsetAt >= 0) misused.push(requiredViolation("unset", unsetAt, "names a required property"));
    if (inSet === false) misused.push(requiredViolation("properties", name, description));
    if (inSetOnce === false) misused.push(requiredViolation("set_once", name, description));
    if (inSet === undefined && inSetOnce === undefined) missing.push(name);
  }
  return { missing, misused };
}

export function requiredViolation(field: string, step: string | number, description: string): Violation {
  return { field: formatPath(field, [step]), reason: "REQUIRED_PROPERTY_MISSING", description };
}

export function requiredMissing(violations: readonly Violation[], required: RequiredProperties) {
  return invalidRequest(violations, { required_properties: required.names.join(",") });
}
