/** Requests that the library cannot read as their message, or whose timeout it cannot read: what it says of them, in the contract's terms. */
import type { DescMessage } from "@bufbuild/protobuf";
import { type Reason, UserError } from "../../users/errors.ts";
import { formatPath } from "../../users/field-path.ts";

const noTimeout = {
  grpc: "the header grpc-timeout cannot be read: it is up to 8 digits and one of H, M, S, m, u and n, as 500m",
  connect: "the header connect-timeout-ms cannot be read: it is up to 10 digits",
} as const;

/**
 * What a caller is told of a request that cannot be read. The library's message may quote the request: of what was sent,
 * only a field's name is repeated.
 *
 * @param libraryMessage of protobuf-es, as in its from-json.js, or of Connect, as in its parse-timeout.js
 * @param input the request's message
 */
export function unreadable(libraryMessage: string, input: DescMessage): UserError {
  const [, protocol] = /^protocol error: invalid (grpc|connect) timeout value/.exec(libraryMessage) ?? [];
  if (protocol === "grpc" || protocol === "connect") return new UserError("MALFORMED_REQUEST", noTimeout[protocol]);

  const [, field] = /^cannot decode field (?:[\w.]+\.)?(\w+) from JSON/.exec(libraryMessage) ?? [];
  if (field !== undefined) return violation(field, "MALFORMED_REQUEST", "cannot be read from its JSON value");

  const [, owner, key] =
    /^cannot decode message ([\w.]+) from JSON: key "(.*)" is unknown$/s.exec(libraryMessage) ?? [];
  if (key !== undefined) {
    const path = formatPath("", [key]).replace(/^\./, "");
    return violation(path, "MALFORMED_REQUEST", `is no field of ${owner}`);
  }

  const [, enumeration] = /^cannot decode enum ([\w.]+) from JSON/.exec(libraryMessage) ?? [];
  if (enumeration !== undefined) {
    const name = fieldOfType(input, enumeration) ?? enumeration;
    return violation(name, "INVALID_ENUM_VALUE", `is not the name or number of a ${enumeration}`);
  }

  const [, choice] = /^cannot decode oneof ([\w.]+)\.\w+ from JSON/.exec(libraryMessage) ?? [];
  if (choice !== undefined) {
    return violation(fieldOfType(input, choice) ?? choice, "MALFORMED_REQUEST", "has more than one of a choice");
  }

  const [, message] = /^cannot decode message ([\w.]+) from JSON/.exec(libraryMessage) ?? [];
  const name = message === undefined ? undefined : fieldOfType(input, message);
  if (name !== undefined) return violation(name, "MALFORMED_REQUEST", "cannot be read from its JSON value");
  return new UserError(
    "MALFORMED_REQUEST",
    `${message === undefined ? "the request's message" : `a ${message}`} cannot be read`,
  );
}

function violation(field: string, reason: Reason, description: string): UserError {
  const violations = [{ field, reason, description }];
  return new UserError(reason, `${field}: ${description}`, { violations });
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
