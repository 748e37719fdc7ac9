import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isJsonObject } from "../../json.ts";
import { memberOf, objectText, partsOf, repeatedName } from "./json-text.ts";
import { readLines } from "./lines.ts";
import { asRow, checkNames, readId, readObject, readOrInvalid } from "./ndjson.ts";
import { invalid, type Row, readTime, Unreadable, type UserRow } from "./row.ts";

/**
 * Reads users from events in the form of Segment's spec, one JSON object a line, or several in a line's `batch`: of
 * `identify` the `userId`, its `traits`, and its `timestamp` as when they were observed. Other events are passed over.
 *
 * @throws CliError if the text does not begin as NDJSON does
 */
export function readSegment(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<Iterable<Row>> {
  return readLines(chunks, name, (value, line, text) => {
    const events = isJsonObject(value) && value["type"] === undefined ? value["batch"] : undefined;
    if (!Array.isArray(events))
      return [
        rowOf(
          value,
          line,
          () => text,
          (event) => checkNames(text, event),
        ),
      ];
    const repeated = repeatedName(text, value);
    if (repeated !== undefined) return [invalid(line, "is repeated", asRow(text), repeated)];
    let texts: readonly string[] | undefined;
    return events.map((event, index) =>
      rowOf(event, line, () => {
        texts ??= partsOf(memberOf(text, "batch") ?? "[]");
        return texts[index] ?? "{}";
      }),
    );
  });
}

/**
 * @param text the event's
 * @param check throws Unreadable if the event cannot be read
 */
function rowOf(event: JsonValue, line: number, text: () => string, check: (event: JsonObject) => void = () => {}): Row {
  const kept = () => asRow(text());
  if (!isJsonObject(event)) return invalid(line, "the event is not a JSON object", kept());
  if (typeof event["type"] !== "string") return invalid(line, "is required, as text", kept(), "type");
  if (event["type"] !== "identify") return { kind: "passed over", line };
  const original = () => asNdjson(text());
  const read = (object: JsonObject): UserRow => {
    check(object);
    return { ...userOf(object, line), original };
  };
  return readOrInvalid(event, line, read, kept);
}

/** An event of a user, as NDJSON has it. */
function asNdjson(event: string): string {
  const members = [
    ["id", memberOf(event, "userId")],
    ["properties", memberOf(event, "traits")],
    ["observed_at", memberOf(event, "timestamp")],
  ] as const;
  return objectText(
    members.flatMap(([name, value]) => (value === undefined || value === "null" ? [] : [[name, value]])),
  );
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
