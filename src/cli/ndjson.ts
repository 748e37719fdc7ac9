import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { JsonObject } from "@bufbuild/protobuf";
import { isJsonObject, unsendable } from "./json.ts";

/** One line of a file. */
export interface UserLine {
  /** Its number, from 1. */
  readonly line: number;
  readonly id: string;
  readonly properties: JsonObject;
}

/**
 * The longest line that is read as a user, in UTF-16 units: more than the largest user needs, and, at up to 5.5 bytes of
 * protobuf for each (a list of one-digit numbers), within one message.
 */
const maxLineLength = 700 * 1024;

/**
 * Reads users from a file with one JSON object a line, `{"id": …, "properties": {…}}`. Empty lines are passed over.
 *
 * @param onInvalid called with the number, from 1, of each line that is not a user, and why
 * @throws Error if the file cannot be read
 */
export async function* readUsers(
  path: string,
  onInvalid: (line: number, reason: string) => void,
): AsyncGenerator<UserLine> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  let line = 0;
  for await (const text of lines) {
    line++;
    if (text.trim() === "") continue;
    const user = parseUser(text);
    if (typeof user === "string") onInvalid(line, user);
    else yield { ...user, line };
  }
}

/** The user, or why the line is none. Never quotes the line. */
function parseUser(line: string): Omit<UserLine, "line"> | string {
  if (line.length > maxLineLength) return `the line has ${line.length} characters; at most ${maxLineLength} are read`;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return "the line is not JSON";
  }
  if (!isJsonObject(value)) return "the line is not a JSON object";
  const { id, properties = {}, ...others } = value;
  if (typeof id !== "string") return "id: is required, as text";
  if (!isJsonObject(properties)) return "properties: is not a JSON object";
  const [other] = Object.keys(others);
  if (other !== undefined) return `${JSON.stringify(other.slice(0, 40))}: only id and properties are expected`;
  const reason = unsendable(id) ?? unsendable(properties);
  return reason === undefined ? { id, properties } : `has ${reason}`;
}
