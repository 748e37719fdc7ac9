import { limits } from "../users/limits.ts";
import type { BackwardWriter } from "../users/struct/backward-writer.ts";
import { tags } from "../users/struct/format.ts";
import { isPlainObject, type PlainObject } from "./plain-json.ts";

/**
 * Writes an object as a google.protobuf.Struct, without tag and length, as protobuf-es would, in a fraction of the time.
 *
 * @returns false if a part cannot be sent; structViolations explains which. Some of it may have been written
 */
export function writeStruct(writer: BackwardWriter, properties: PlainObject, depth = 0): boolean {
  const names = Object.keys(properties);
  // Looking up each value by name takes three times as long.
  const values = Object.values(properties);
  for (let at = names.length - 1; at >= 0; at--) {
    const name = names[at] ?? "";
    const before = writer.length;
    if (!writeValue(writer, values[at], depth)) return false;
    writer.head(tags.entryValue, before);
    if (!writer.textField(tags.entryName, name)) return false;
    writer.head(tags.structEntry, before);
  }
  return true;
}

function writeValue(writer: BackwardWriter, value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
      return writer.textField(tags.stringValue, value);
    case "number":
      if (!Number.isFinite(value)) return false;
      writer.double(value);
      writer.byte(tags.numberValue);
      return true;
    case "boolean":
      writer.byte(value ? 1 : 0);
      writer.byte(tags.boolValue);
      return true;
    case "object":
      if (value !== null) return depth < limits.maxValueDepth && writeNested(writer, value, depth + 1);
      writer.byte(0);
      writer.byte(tags.nullValue);
      return true;
    default:
      return false;
  }
}

function writeNested(writer: BackwardWriter, value: object, depth: number): boolean {
  const before = writer.length;
  if (!Array.isArray(value)) {
    if (!isPlainObject(value) || !writeStruct(writer, value, depth)) return false;
    writer.head(tags.structValue, before);
    return true;
  }
  for (let at = value.length - 1; at >= 0; at--) {
    const beforeItem = writer.length;
    if (!writeValue(writer, value[at], depth)) return false;
    writer.head(tags.listItem, beforeItem);
  }
  writer.head(tags.listValue, before);
  return true;
}
