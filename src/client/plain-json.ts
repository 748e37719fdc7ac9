/** An object as JSON.parse or an object literal makes it. */
export type PlainObject = Readonly<Record<string, unknown>>;

/** Whether a value is an object in the sense of JSON: no array, Date or Map. Objects of other realms count too. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
