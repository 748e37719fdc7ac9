import type { DescMessage } from "@bufbuild/protobuf";
import { invalidRequest, type Reason, UserError } from "../../users/errors.ts";
import { formatPath } from "../../users/field-path.ts";

/** Where a message that cannot be read is. */
interface Place {
  /** The path of the message in the request; empty for the request itself. */
  readonly within?: string;
  /** The message's field that cannot be read, if that is known. */
  readonly field?: string | undefined;
}

/**
 * The error for a message that a library cannot read. What the library says of it may quote the request: of that, only a
 * field's name is repeated.
 *
 * @param libraryMessage of protobuf-es, as in its from-json.js; any other only tells that the message cannot be read
 * @param input the message
 */
export function unreadable(
  libraryMessage: string,
  input: DescMessage,
  { within = "", field: known }: Place = {},
): UserError {
  const violation = (
    field: string,
    description = "cannot be read from its JSON value",
    reason: Reason = "MALFORMED_REQUEST",
  ) => invalidRequest([{ field: joined(within, field), reason, description }]);

  const [, field] = /^cannot decode field (?:[\w.]+\.)?(\w+) from JSON/.exec(libraryMessage) ?? [];
  if (field !== undefined) return violation(field);

  const [, owner, key] =
    /^cannot decode message ([\w.]+) from JSON: key "(.*)" is unknown$/s.exec(libraryMessage) ?? [];
  if (key !== undefined) return violation(formatPath("", [key]).replace(/^\./, ""), `is no field of ${owner}`);

  const [, enumeration] = /^cannot decode enum ([\w.]+) from JSON/.exec(libraryMessage) ?? [];
  if (enumeration !== undefined) {
    const name = fieldOfType(input, enumeration) ?? enumeration;
    return violation(name, `is not the name or number of a ${enumeration}`, "INVALID_ENUM_VALUE");
  }

  const [, choice] = /^cannot decode oneof ([\w.]+)\.\w+ from JSON/.exec(libraryMessage) ?? [];
  if (choice !== undefined) return violation(fieldOfType(input, choice) ?? choice, "has more than one of a choice");

  const [, message] = /^cannot decode message ([\w.]+) from JSON/.exec(libraryMessage) ?? [];
  const name = message === undefined ? undefined : (fieldOfType(input, message) ?? known);
  if (name !== undefined) return violation(name);
  const subject = message === undefined ? "the request's message" : `a ${message}`;
  return new UserError("MALFORMED_REQUEST", `${subject} cannot be read`);
}

function joined(path: string, field: string): string {
  return path === "" || field.startsWith("[") ? `${path}${field}` : `${path}.${field}`;
}

/** The name of the one field of that type, at whatever depth; undefined where there are several names, or none. */
function fieldOfType(input: DescMessage, typeName: string): string | undefined {
  const names = new Set<string>();
  const seen = new Set<DescMessage>();
  const search = (message: DescMessage) => {
    if (seen.has(message)) return;
    seen.add(message);
    for (const { name, message: below, enum: enumeration } of message.fields) {
      if ((below ?? enumeration)?.typeName === typeName) names.add(name);
      if (below !== undefined && !below.typeName.startsWith("google.protobuf.")) search(below);
    }
  };
  search(input);
  const [name] = names;
  return names.size === 1 ? name : undefined;
}
