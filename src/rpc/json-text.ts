import type { Path } from "../users/field-path.ts";

/**
 * Where a decoded JSON message holds text that is not valid Unicode: half of a surrogate pair, which JSON can write
 * (`"\ud800"`) and UTF-8 cannot.
 *
 * @returns the path of the first such text or name, by the contract's names; undefined where all is well
 */
export function illFormedText(value: unknown): Path | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : [];
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return undefined;
  const isMessage = "$typeName" in value && typeof value.$typeName === "string" && !Array.isArray(value);
  for (const [key, item] of Object.entries(value)) {
    const path = key.isWellFormed() ? illFormedText(item) : [];
    if (path !== undefined) return [Array.isArray(value) ? Number(key) : isMessage ? snakeCase(key) : key, ...path];
  }
  return undefined;
}

/** The contract's name of a field that generated code names in camel case. */
function snakeCase(localName: string): string {
  return localName.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
