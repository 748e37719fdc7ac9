import { nestedTooDeep, type Violation } from "../users/errors.ts";
import { formatPath } from "../users/field-path.ts";
import { limits } from "../users/limits.ts";
import { isPlainObject } from "./plain-json.ts";

/**
 * Finds what cannot be sent as a google.protobuf.Struct, and describes it as the server would: values that are not JSON,
 * and, though JSON.parse accepts them, invalid Unicode and deep nesting.
 *
 * @param field the request's field, the first part of all paths
 * @returns at most as many violations as one error lists
 */
export function structViolations(properties: unknown, field: string): readonly Violation[] {
  const violations: Violation[] = [];
  const path: (string | number)[] = [];
  const isFull = () => violations.length >= limits.maxViolations;
  const invalid = (description: string) => {
    violations.push({ field: formatPath(field, path), reason: "INVALID_PROPERTY", description });
  };

  const visit = (value: unknown): void => {
    if (typeof value === "string") {
      if (!value.isWellFormed()) invalid("is not valid Unicode");
    } else if (typeof value === "number") {
      if (!Number.isFinite(value)) invalid("is not a finite number");
    } else if (typeof value === "object" && value !== null) {
      if (!Array.isArray(value) && !isPlainObject(value)) invalid(notJson(value));
      else if (path.length > limits.maxValueDepth) violations.push(nestedTooDeep(formatPath(field, path)));
      else visitParts(value);
    } else if (typeof value !== "boolean" && value !== null) invalid(notJson(value));
  };
  const visitParts = (value: object) => {
    const parts = Array.isArray(value) ? value.entries() : Object.entries(value);
    for (const [step, part] of parts) {
      if (isFull()) return;
      path.push(typeof step === "string" ? step.toWellFormed() : step);
      if (typeof step === "string" && !step.isWellFormed()) invalid("the name is not valid Unicode");
      else visit(part);
      path.pop();
    }
  };

  if (isPlainObject(properties)) visitParts(properties);
  else invalid("is not a JSON object");
  return violations;
}

/** What to send instead, by the type of the value. */
const remedies: Readonly<Record<string, string>> = {
  undefined: "leave it out, or send null",
  bigint: "send a number or text",
  Date: "send its toISOString()",
  Map: "send Object.fromEntries() of it",
  Set: "send an array of its items",
};

/** Names the type of a value that is not JSON, and what to send instead. */
function notJson(value: unknown): string {
  const type =
    typeof value === "object" ? Object.prototype.toString.call(value).slice("[object ".length, -1) : typeof value;
  const remedy = remedies[type] ?? "send text, a number, true, false, null, an array or a plain object";
  return `is ${withArticle(type)}, not a JSON value: ${remedy}`;
}

/** A type's name with its article. */
export function withArticle(type: string): string {
  if (type === "undefined") return type;
  if (type === "Object") return "an instance of a class";
  return /^[AEIO]/.test(type) ? `an ${type}` : `a ${type}`;
}
