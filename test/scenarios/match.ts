/** Whether an answer is the expected one, by the rules of README.md beside this file. */
import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "@bufbuild/protobuf";

/** Fields that hold the users' own data. */
const exactFields = new Set(["properties", "preferences"]);

/** What is left out of protobuf's JSON, or may be. */
export function isDefault(value: JsonValue | undefined): boolean {
  if (typeof value === "string") return value === "" || value.endsWith("_UNSPECIFIED");
  if (typeof value !== "object" || value === null) return !value;
  return Object.keys(value).length === 0;
}

/**
 * The first difference between what is expected and what is there, as a sentence; undefined where there is none.
 *
 * @param path where in the answer this is
 */
export function difference(expected: JsonValue, actual: JsonValue | undefined, path = ""): string | undefined {
  const same = () => undefined;
  const other = () => `${path || "answer"}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`;
  const below = (step: string | number) => (path === "" ? String(step) : `${path}.${step}`);

  if (isObject(expected)) {
    if (!isObject(actual ?? {})) return other();
    return first(Object.entries(expected), ([name, value]) => {
      const there = isObject(actual) && Object.hasOwn(actual, name) ? actual[name] : undefined;
      return exactFields.has(name)
        ? exactDifference(value, there ?? {}, below(name))
        : difference(value, there, below(name));
    });
  }
  if (isDefault(expected)) return isDefault(actual) ? same() : other();
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return other();
    return first([...expected.entries()], ([index, value]) => difference(value, actual[index], below(index)));
  }
  return expected === actual ? same() : other();
}

/** −0 and 0 are the same number in JSON. */
function exactDifference(expected: JsonValue, actual: JsonValue, path: string): string | undefined {
  return isDeepStrictEqual(positive(expected), positive(actual))
    ? undefined
    : `${path}: expected exactly ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`;
}

function positive(value: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(value));
}

function isObject(value: JsonValue | undefined): value is { [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function first<Item>(items: readonly Item[], find: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The value at a path of names and positions that are separated by dots. */
export function valueAt(value: JsonValue, path: string): JsonValue | undefined {
  return path.split(".").reduce<JsonValue | undefined>((at, step) => {
    if (Array.isArray(at)) return at[Number(step)];
    return isObject(at) && Object.hasOwn(at, step) ? at[step] : undefined;
  }, value);
}
