/** From what a caller sent to a command for the store, and from the store's refusal to an error. */
import { canonicalProperties } from "./canonical-struct.ts";
import { invalidRequest, limitExceeded, type UserError, type Violation } from "./errors.ts";
import { formatPath } from "./field-path.ts";
import { limits } from "./limits.ts";
import type { IdentifyCommand, IdentifyResult } from "./store.ts";
import { isNonEmptyString } from "./struct-entries.ts";
import { parseUserId } from "./user-id.ts";

/** An Identify as it came over the wire. */
export interface IdentifyInput {
  readonly id: Uint8Array;
  /** The occurrences of the `properties` field: together one encoded Struct. */
  readonly properties: readonly Uint8Array[];
}

/** The properties that every user has, as non-empty strings, from its creation on. */
export interface RequiredProperties {
  readonly names: readonly string[];
  /** The names' UTF-8 bytes, in the same order. */
  readonly encoded: readonly Uint8Array[];
}

export function requiredProperties(names: readonly string[]): RequiredProperties {
  return { names, encoded: names.map((name) => Buffer.from(name, "utf8")) };
}

/** A refused command names the required properties that it did not bring. */
export type PreparedIdentify = { readonly command: IdentifyCommand; readonly missing: readonly string[] };

/**
 * Checks everything that can be said without knowing what is stored.
 *
 * @throws UserError INVALID_ID, INVALID_PROPERTY, REQUIRED_PROPERTY_MISSING, LIMIT_EXCEEDED or MALFORMED_REQUEST, naming
 * every offending field
 */
export function prepareIdentify(
  input: IdentifyInput,
  required: RequiredProperties,
  options: { etag: string; wantUser: boolean },
): PreparedIdentify {
  const id = parseUserId(input.id);
  const properties = canonicalProperties(input.properties, "properties");
  const violations: Violation[] = typeof id === "string" ? [] : [id];
  if ("violations" in properties) violations.push(...properties.violations);
  if (typeof id !== "string" || "violations" in properties) throw invalidRequest(violations);

  const missing: string[] = [];
  required.encoded.forEach((encoded, index) => {
    const name = required.names[index] ?? "";
    const sent = isNonEmptyString(properties.struct, encoded);
    if (sent === undefined) missing.push(name);
    else if (!sent) violations.push(requiredViolation(name, "is required: it must be a non-empty string"));
  });
  if (violations.length > 0) throw invalidRequest(violations, requiredMetadata(required));
  const command = { id, properties: properties.struct, canCreate: missing.length === 0, ...options };
  return { command, missing };
}

/** The error of a command that the store refused for good; undefined where it was applied. */
export function refusal(
  result: IdentifyResult,
  prepared: PreparedIdentify,
  required: RequiredProperties,
): UserError | undefined {
  if (!("refused" in result)) return undefined;
  switch (result.refused) {
    case "required-missing": {
      const description = "is required to create a user: it must be a non-empty string";
      const violations = prepared.missing.map((name) => requiredViolation(name, description));
      return invalidRequest(violations, requiredMetadata(required));
    }
    case "too-many-properties": {
      const description = `the user would have ${result.count} properties; at most ${limits.maxProperties} are allowed`;
      return invalidRequest([limitExceeded("properties", "maxProperties", description)]);
    }
    case "properties-too-large": {
      const description = `the user's would have ${result.bytes} bytes; at most ${limits.maxPropertiesBytes} are allowed`;
      return invalidRequest([limitExceeded("properties", "maxPropertiesBytes", description)]);
    }
  }
}

function requiredViolation(name: string, description: string): Violation {
  return { field: formatPath("properties", [name]), reason: "REQUIRED_PROPERTY_MISSING", description };
}

function requiredMetadata(required: RequiredProperties): Record<string, string> {
  return { required_properties: required.names.join(",") };
}
