/** As JSON.parse makes them, and object literals are. */
export type PlainObject = Readonly<Record<string, unknown>>;

/** Whether a value is what JSON calls an object: no list, and no Date or Map, say. Objects of other realms are some too. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
