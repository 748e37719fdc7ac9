import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isJsonObject } from "../../json.ts";
import { memberOf, objectText, partsOf, repeatedName } from "./json-text.ts";
import { readLines } from "./lines.ts";
import { asRow, checkNames, readId, readObject, readOrInvalid } from "./ndjson.ts";
import { invalid, type Row, readTime, Unreadable, type UserRow } from "./row.ts";

/**
 * Reads users from events of Segment's spec, one JSON object per line, or several in a line's `batch`: `userId`, `traits` and
 * `timestamp`, the time of observation, of each `identify`. Other events are skipped.
 *
 * @throws CliError if the text does not begin with an object
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
 * @param text text of the event
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

/** The event as a row of NDJSON. */
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
    throw new Unreadable("is required: an event that has only an anonymousId names no user", "userId");
  }
  return {
    kind: "user",
    line,
    id: readId(userId, "userId"),
    properties: readObject(traits ?? {}, "traits"),
    ...(timestamp !== undefined && timestamp !== null && { observedAt: readTime(timestamp, "timestamp") }),
  };
}
