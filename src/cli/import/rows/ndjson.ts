import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isJsonObject } from "../../json.ts";
import { repeatedName } from "./json-text.ts";
import { readLines } from "./lines.ts";
import { invalid, type Row, readTime, Unreadable, type UserRow } from "./row.ts";

/** Fields of a User that only the server sets. */
const serversFields = new Set(["created_at", "createdAt", "updated_at", "updatedAt", "etag"]);

/**
 * Reads users from NDJSON, one JSON object per line: `{"id": …, "properties": {…}, "set_once": {…}, "unset": […],
 * "observed_at": …}`, where only the id is required. It reads what `rollcall list --all` and `rollcall export` write, ignoring
 * what only the server sets, and corrected rows that an import had rejected.
 *
 * @throws CliError if the text does not begin with an object
 */
export function readNdjson(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<Iterable<Row>> {
  return readLines(chunks, name, (value, line, text) => {
    if (!isJsonObject(value)) return [invalid(line, "the line is not a JSON object", asRow(text))];
    const original = () => text;
    const read = (object: JsonObject): UserRow => {
      checkNames(text, object);
      return { ...userOf(object, line), original };
    };
    return [readOrInvalid(value, line, read, original)];
  });
}

/** The rejected row of a JSON value that is not a user. */
export function asRow(text: string): string {
  return `{"row":${text}}`;
}

/** @param kept the row to keep if `read` throws Unreadable */
export function readOrInvalid(
  object: JsonObject,
  line: number,
  read: (object: JsonObject) => UserRow,
  kept: () => string,
): Row {
  try {
    return read(object);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return invalid(line, error.message, kept(), error.field);
  }
}

/** @throws Unreadable if a name is repeated in the object, or in one inside it */
export function checkNames(text: string, object: JsonObject): void {
  const repeated = repeatedName(text, object);
  if (repeated !== undefined) throw new Unreadable("is repeated", repeated);
}

type Fields = { -readonly [Name in keyof UserRow]?: UserRow[Name] };

/** @throws Unreadable if the object is not a user */
function userOf(object: JsonObject, line: number): UserRow {
  const fields: Fields = {};
  for (const [name, value] of Object.entries(object)) readField(fields, name, value);
  const { id } = fields;
  if (id === undefined) throw new Unreadable("is required, as text", "id");
  return { ...fields, kind: "user", line, id };
}

function readField(fields: Fields, name: string, value: JsonValue): void {
  switch (name) {
    case "id":
      fields.id = readId(value, "id");
      break;
    case "properties":
      fields.properties = readObject(value, name);
      break;
    case "set_once":
    case "setOnce":
      if (fields.setOnce !== undefined) throw new Unreadable("is repeated", "set_once");
      fields.setOnce = readObject(value, name);
      break;
    case "unset":
      fields.unset = readNames(value);
      break;
    case "observed_at":
    case "observedAt":
      if (fields.observedAt !== undefined) throw new Unreadable("is repeated", "observed_at");
      fields.observedAt = readTime(value, name);
      break;
    case "preferences": {
      const preferences = readObject(value, name);
      if (Object.keys(preferences).length > 0) fields.preferences = preferences;
      break;
    }
    case "rejected":
      break;
    case "row":
      throw new Unreadable("holds what could not be read: correct it, move it into properties, and remove row", name);
    default:
      if (!serversFields.has(name)) {
        throw new Unreadable(
          "is not a field of a user: id, properties, set_once, unset and observed_at are",
          shown(name),
        );
      }
  }
}

/** @throws Unreadable */
export function readId(value: JsonValue | undefined, field: string): string {
  if (typeof value !== "string") throw new Unreadable("is required, as text", field);
  return value;
}

/** @throws Unreadable */
export function readObject(value: JsonValue, field: string): JsonObject {
  if (!isJsonObject(value)) throw new Unreadable("is not a JSON object", field);
  return value;
}

function readNames(value: JsonValue): readonly string[] {
  if (!Array.isArray(value)) throw new Unreadable("is not a list of names", "unset");
  return value.map((name) => {
    if (typeof name !== "string") throw new Unreadable("is not a list of names", "unset");
    return name;
  });
}

/** A name from the source that is safe to show in messages. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 40).toWellFormed());
}
