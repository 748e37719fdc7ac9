import { limits } from "../users/limits.ts";

/** As JSON.parse makes them, and object literals are. */
export type PlainObject = Readonly<Record<string, unknown>>;

/** Whether a value is what JSON calls an object: no list, and no Date or Map, say. Objects of other realms are some too. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether a value can be sent as a google.protobuf.Struct as it is. Where it cannot, structViolations says why. */
export function isSendableObject(value: unknown, depth = 0): boolean {
  if (!isPlainObject(value)) return false;
  const names = Object.keys(value);
  const values = Object.values(value);
  for (let at = 0; at < names.length; at++) {
    if (names[at]?.isWellFormed() !== true || !isSendableValue(values[at], depth)) return false;
  }
  return true;
}

/** @param depth how many objects and lists contain it, without the outermost */
function isSendableValue(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
      return value.isWellFormed();
    case "number":
      return Number.isFinite(value);
    case "boolean":
      return true;
    case "object":
      if (value === null) return true;
      if (depth >= limits.maxValueDepth) return false;
      return Array.isArray(value) ? isSendableList(value, depth + 1) : isSendableObject(value, depth + 1);
    default:
      return false;
  }
}

function isSendableList(list: readonly unknown[], depth: number): boolean {
  // Not every(), which passes over what a sparse list lacks.
  for (let at = 0; at < list.length; at++) {
    if (!isSendableValue(list[at], depth)) return false;
  }
  return true;
}
