/** What FindUsers and CountUsers look for: a value of one indexed property. */
import { isUtf8 } from "node:buffer";
import { propertyNotIndexed, type Violation } from "../errors.ts";
import { entryPrefix } from "../indexes/entries.ts";
import { indexValue, textStart } from "../indexes/index-value.ts";
import { type Index, isMaintained } from "../indexes/indexed-property.ts";
import { limits } from "../limits.ts";
import { Invalid, type Parsed } from "../parsed.ts";
import { canonicalValue } from "../struct/canonical-value.ts";

/** A match as it came over the wire. */
export interface MatchInput {
  /** The name's UTF-8. */
  readonly property: Uint8Array;
  /** The occurrences of the field: together one google.protobuf.Value. Empty if there is none. */
  readonly equals: readonly Uint8Array[];
  readonly startsWith?: Uint8Array | undefined;
  readonly present?: boolean | undefined;
}

/** A match that an index can answer. */
export interface Match {
  readonly index: Index;
  /** What the entries of the users that match begin with. */
  readonly prefix: Uint8Array;
}

type Condition =
  | { readonly is: "equals"; readonly value: Uint8Array }
  | { readonly is: "starts-with"; readonly text: string }
  | { readonly is: "present" };

export interface ParsedMatch {
  readonly property: string;
  readonly condition: Condition;
}

/** Checks what can be checked without knowing the indexes. */
export function parseMatch(input: MatchInput | undefined): Parsed<ParsedMatch> {
  if (input === undefined) return invalid("match", "is required");
  const { property } = input;
  if (property.length === 0) return invalid("match.property", "is required: the name of an indexed property");
  if (!isUtf8(property)) return invalid("match.property", "is not valid UTF-8");
  const condition = parseCondition(input);
  return condition instanceof Invalid ? condition : { property: Buffer.from(property).toString("utf8"), condition };
}

function parseCondition({ equals, startsWith, present }: MatchInput): Parsed<Condition> {
  const sent = [equals.length > 0, startsWith !== undefined, present !== undefined].filter((is) => is).length;
  if (sent !== 1) {
    return invalid(
      "match",
      `has ${sent === 0 ? "no condition" : `${sent} conditions`}: one of equals, starts_with and present is required`,
    );
  }
  if (startsWith !== undefined) return parseStart(startsWith);
  if (present === undefined) return parseValue(equals);
  if (present) return { is: "present" };
  return invalid(
    "match.present",
    "is false, and no index lists the users without a value: read all users with ListUsers",
  );
}

/** Any encoding of the value by protobuf's rules. */
function parseValue(pieces: readonly Uint8Array[]): Parsed<Condition> {
  const field = "match.equals";
  const value = canonicalValue(pieces);
  if (value === undefined) return invalid(field, "is no value that a property can have");
  // That does not depend on the index.
  return indexValue(value, false) === "other-kind" ? invalid(field, otherKind) : { is: "equals", value };
}

const otherKind = "is no text, number or bool: no index holds other values";

function parseStart(bytes: Uint8Array): Parsed<Condition> {
  const field = "match.starts_with";
  if (!isUtf8(bytes)) return invalid(field, "is not valid UTF-8");
  const text = Buffer.from(bytes).toString("utf8");
  const least = limits.minPrefixCharacters;
  return [...text.slice(0, 2 * least)].length < least
    ? invalid(field, `is shorter than ${least} characters`)
    : { is: "starts-with", text };
}

/**
 * Looks for the index of a match. It may not be ready.
 *
 * @throws UserError PROPERTY_NOT_INDEXED
 */
export function resolveMatch({ property, condition }: ParsedMatch, indexes: readonly Index[]): Parsed<Match> {
  const maintained = indexes.filter(isMaintained);
  const index = maintained.find((each) => each.property === property);
  if (index === undefined) throw propertyNotIndexed(maintained.map((each) => each.property));
  const value = soughtValue(condition, index);
  return value instanceof Invalid ? value : { index, prefix: entryPrefix(index.number, value) };
}

/** The indexed form of the value that is looked for, or of its beginning. */
function soughtValue(condition: Condition, { folded }: Index): Parsed<Uint8Array> {
  if (condition.is === "present") return new Uint8Array();
  const field = condition.is === "equals" ? "match.equals" : "match.starts_with";
  const value = condition.is === "equals" ? indexValue(condition.value, folded) : textStart(condition.text, folded);
  if (value === "too-long") {
    const description = `takes more than ${limits.maxIndexedBytes} bytes${folded ? " once it is folded" : ""}: no index holds such text`;
    return invalid(field, description);
  }
  return value === "other-kind" ? invalid(field, otherKind) : value;
}

function invalid(field: string, description: string): Invalid {
  const violation: Violation = { field, reason: "INVALID_MATCH", description };
  return new Invalid(violation);
}
