/** What a command asks of a property: `email=ada@example.com`, `email^=ada` or `email`. */
import type { JsonValue } from "@bufbuild/protobuf";
import { CliError } from "../cli-error.ts";
import { isJsonObject } from "../json.ts";

export type ValueKind = "text" | "number" | "bool" | "null" | "list" | "object";

export interface Equals {
  readonly is: "equals";
  readonly property: string;
  readonly value: JsonValue;
}

export type Condition =
  | Equals
  | { readonly is: "starts-with"; readonly property: string; readonly text: string }
  | { readonly is: "present"; readonly property: string };

/**
 * Reads `NAME=VALUE`, `NAME^=BEGINNING` or `NAME`, which stands for any value.
 *
 * @param asText whether a value is text, even where it could be read as JSON
 * @throws CliError if it is none of these
 */
export function parseCondition(argument: string, asText: boolean): Condition {
  const at = argument.indexOf("=");
  const left = at < 0 ? argument : argument.slice(0, at);
  const right = argument.slice(at + 1);
  if (left === "" || left === "^") throw new CliError("a condition has no property: write NAME=VALUE");
  if (at < 0) return { is: "present", property: left };
  // A name could end so, but a comparison is more likely, which would find nobody.
  if (/[!<>~]$/.test(left)) throw new CliError("values are only compared with = and ^=");
  if (left.endsWith("^")) return { is: "starts-with", property: left.slice(0, -1), text: right };
  return { is: "equals", property: left, value: asText ? right : jsonOrText(right) };
}

/** @throws CliError if it is not `NAME=VALUE` */
export function parseEquals(argument: string, asText: boolean): Equals {
  const condition = parseCondition(argument, asText);
  if (condition.is === "equals") return condition;
  throw new CliError("--where compares whole values: write NAME=VALUE");
}

/** `1`, `true` and `"1"` are JSON, `ada` and `ada@example.com` are not. */
function jsonOrText(text: string): JsonValue {
  try {
    const value: JsonValue = JSON.parse(text);
    return value;
  } catch {
    return text;
  }
}

const phrases: Readonly<Record<Exclude<ValueKind, "text">, string>> = {
  number: "a number",
  bool: "a bool",
  null: "null",
  list: "a list",
  object: "an object",
};

/**
 * A hint for a value that no user has.
 *
 * @param what names the value
 * @returns undefined if the value is text
 */
export function readAs(what: string, value: JsonValue): string | undefined {
  const kind = kindOf(value);
  if (kind === "text") return undefined;
  return `${what} was read as ${phrases[kind]}, and --text reads it as text`;
}

export function kindOf(value: JsonValue): ValueKind {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  if (isJsonObject(value)) return "object";
  if (typeof value === "string") return "text";
  return typeof value === "number" ? "number" : "bool";
}
