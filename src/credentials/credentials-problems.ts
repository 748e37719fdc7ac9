/** Describes what is wrong in the credentials file and what is expected, to follow the path. */
import type { core } from "zod";
import { scopes } from "./principal.ts";

const kinds: ReadonlyMap<string, string> = new Map([
  ["array", "a list, [ … ]"],
  ["object", "an object, { … }"],
  ["string", "text in quotes"],
]);

/** The members of an object, by the list that contains it. */
const members: ReadonlyMap<unknown, string> = new Map([
  ["tokens", "name, sha256 and scopes"],
  ["certificates", "name, scopes, and either uri or dns"],
]);

/** @returns undefined if the schema has a message of its own. Quotes nothing of the file but names of members. */
export function problemOf(issue: core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type": {
      const expected = `expected ${kinds.get(issue.expected) ?? issue.expected}`;
      return issue.input === undefined ? `is missing; ${expected}` : `is ${kindOf(issue.input)}; ${expected}`;
    }
    case "too_small":
      return issue.origin === "array" ? `is empty; expected one scope or more of ${scopes.join(", ")}` : "is empty";
    case "too_big":
      return `is too long; expected at most ${issue.maximum} characters`;
    case "invalid_value":
      return `is not a scope; expected one of ${scopes.join(", ")}`;
    case "unrecognized_keys": {
      const names = issue.keys.map((key) => JSON.stringify(key)).join(", ");
      return `has ${names}, which is not known; expected ${members.get(issue.path?.[0]) ?? "tokens and certificates"}`;
    }
    default:
      return undefined;
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? "text" : `a ${typeof value}`;
}
