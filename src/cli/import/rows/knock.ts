import { isUtf8 } from "node:buffer";
import type { JsonObject } from "@bufbuild/protobuf";
import { CliError } from "../../cli-error.ts";
import { isJsonObject } from "../../json.ts";
import { type Member, membersOf, objectText, onOneLine } from "./json-text.ts";
import { parseJson, unreadRow } from "./lines.ts";
import { cutList } from "./list-cutter.ts";
import { asRow, checkNames, readId, readObject, readOrInvalid } from "./ndjson.ts";
import { invalid, type Row, tooLong, type UserRow } from "./row.ts";

/**
 * Reads users from one JSON document in the form of Knock's bulk requests, `{"users": [{"id": …, "name": …, …}]}`. All but
 * `id` and `preferences` are properties. A user's line is its number in the list.
 *
 * @throws CliError if the document has another form, or ends too soon
 */
export async function* readKnock(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<Iterable<Row>> {
  try {
    for await (const { number, size, bytes } of cutList(chunks, "users")) {
      yield [bytes === undefined ? tooLong(number, size, "the user") : rowOf(bytes, number)];
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw new CliError(`${name} is not {"users": […]}: ${error.message}`);
    throw error;
  }
}

function rowOf(bytes: Buffer, number: number): Row {
  const text = bytes.toString();
  const user = isUtf8(bytes) ? parseJson(text) : undefined;
  if (!isJsonObject(user)) return invalid(number, "the user is not a JSON object in UTF-8", unreadRow(text));
  const kept = () => asRow(onOneLine(text));
  const original = () => asNdjson(onOneLine(text));
  const read = (object: JsonObject): UserRow => {
    checkNames(text, object);
    return { ...userOf(object, number), original };
  };
  return readOrInvalid(user, number, read, kept);
}

/** The user as a row of NDJSON. */
function asNdjson(user: string): string {
  const members = membersOf(user);
  const traits = members.filter(([name]) => name !== "id" && name !== "preferences");
  const own = ([name, value]: Member) => name === "id" || (name === "preferences" && value !== "null");
  return objectText([...members.filter(own), ["properties", objectText(traits)]]);
}

function userOf({ id, preferences, ...traits }: JsonObject, line: number): UserRow {
  const chosen = preferences === undefined || preferences === null ? {} : readObject(preferences, "preferences");
  return {
    kind: "user",
    line,
    id: readId(id, "id"),
    properties: readObject(traits, "properties"),
    ...(Object.keys(chosen).length > 0 && { preferences: chosen }),
  };
}
