import type { JsonObject } from "@bufbuild/protobuf";

/** How deep a value may be nested to be sent at all; the server's own limit is lower, and its answer says where. */
const maxSendableDepth = 30;

/** Whether a value that JSON.parse returned is an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Why a value that JSON.parse returned cannot be sent as a google.protobuf.Value; undefined where it can. JSON text can
 * hold half a surrogate pair, and nesting without a bound.
 */
export function unsendable(value: unknown, depth = 0): string | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : "text that is not valid Unicode";
  if (typeof value !== "object" || value === null) return undefined;
  if (depth > maxSendableDepth) return `values nested deeper than ${maxSendableDepth} objects or lists`;
  if (Array.isArray(value)) {
    for (const item of value) {
      const reason = unsendable(item, depth + 1);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  // Not Object.entries, which takes about as long as it took to parse the value.
  for (const key in value) {
    const reason = key.isWellFormed() ? unsendable(value[key], depth + 1) : "a name that is not valid Unicode";
    if (reason !== undefined) return reason;
  }
  return undefined;
}
