import type { JsonObject } from "@bufbuild/protobuf";

/** @param value from JSON.parse */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
