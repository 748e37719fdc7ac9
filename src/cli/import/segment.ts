import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isJsonObject } from "../json.ts";
import { readLines } from "./lines.ts";
import { readId, readObject, readOrInvalid } from "./ndjson.ts";
import { invalid, type Row, readTime, Unreadable, type UserRow } from "./row.ts";

/**
 * Reads users from events in the form of Segment's spec, one JSON object a line, or several in a line's `batch`: of
 * `identify` the `userId`, its `traits`, and its `timestamp` as when they were observed. Other events are passed over.
 *
 * @throws CliError if the text does not begin as NDJSON does
 */
export function readSegment(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<Iterable<Row>> {
  return readLines(chunks, name, (value, line) => {
    const events = isJsonObject(value) && value["type"] === undefined ? value["batch"] : undefined;
    if (!Array.isArray(events)) return [rowOf(value, line)];
    return events.map((event) => rowOf(event, line));
  });
}

function rowOf(event: JsonValue, line: number): Row {
  if (!isJsonObject(event)) return invalid(line, "the event is not a JSON object", { row: event });
  if (typeof event["type"] !== "string") return invalid(line, "is required, as text", { row: event }, "type");
  if (event["type"] !== "identify") return { kind: "passed over", line };
  return readOrInvalid(event, line, userOf, { row: event });
}

function userOf({ userId, traits, timestamp }: JsonObject, line: number): UserRow {
  if (userId === undefined || userId === null || userId === "") {
    throw new Unreadable("is required: an event with an anonymousId alone is about nobody who is known", "userId");
  }
  return {
    kind: "user",
    line,
    id: readId(userId, "userId"),
    properties: readObject(traits ?? {}, "traits"),
    ...(timestamp !== undefined && timestamp !== null && { observedAt: readTime(timestamp, "timestamp") }),
  };
}
