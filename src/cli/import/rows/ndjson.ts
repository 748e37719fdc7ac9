import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isJsonObject } from "../../json.ts";
import { repeatedName } from "./json-text.ts";
import { readLines } from "./lines.ts";
import { invalid, type Row, readTime, Unreadable, type UserRow } from "./row.ts";

/** The fields of a User that the server sets itself. */
const serversFields = new Set(["created_at", "createdAt", "updated_at", "updatedAt", "etag"]);

/**
 * Reads users from text with one JSON object a line: `{"id": …, "properties": {…}, "set_once": {…}, "unset": […],
 * "observed_at": …}`, all but the id optional. Reads what `rollcall list --all` and `rollcall export` write, where what
 * the server sets is passed over, and what an import rejected, mended.
 *
 * @throws CliError if the text does not begin as NDJSON does
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

/** What is kept of a JSON value that is no user. */
export function asRow(text: string): string {
  return `{"row":${text}}`;
}

/**
 * What a reader makes of an object.
 *
 * @param kept what to keep of it where the reader throws Unreadable
 */
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

/** @throws Unreadable if a name is repeated in the object that the text is, or in one inside it */
export function checkNames(text: string, object: JsonObject): void {
  const repeated = repeatedName(text, object);
  if (repeated !== undefined) throw new Unreadable("is repeated", repeated);
}

type Fields = { -readonly [Name in keyof UserRow]?: UserRow[Name] };

/** @throws Unreadable if the object is no user */
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
      throw new Unreadable("holds what could not be read: mend it into properties, and remove it", name);
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

/** A name that somebody else chose, as messages show it. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 40).toWellFormed());
}
