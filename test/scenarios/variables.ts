/** What `${name}` stands for in the strings of a scenario. */
import type { JsonValue } from "@bufbuild/protobuf";

export type Variables = ReadonlyMap<string, string>;

/** @throws Error where nothing is known under a name */
export function fillIn(text: string, variables: Variables): string {
  return text.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = variables.get(name);
    if (value === undefined) throw new Error(`no step has saved \${${name}}`);
    return value;
  });
}

/** Fills in every string of a value, but for the names of fields. */
export function filledIn(value: JsonValue, variables: Variables): JsonValue {
  if (typeof value === "string") return fillIn(value, variables);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => filledIn(item, variables));
  return Object.fromEntries(Object.entries(value).map(([key, below]) => [key, filledIn(below, variables)]));
}
