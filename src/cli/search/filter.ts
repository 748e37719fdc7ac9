/** Options that say which users a command reads, of all that there are. */
import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { createOption } from "@commander-js/extra-typings";
import type { UserFilterSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { groupOptions, type ValuesOf } from "../../config/declare-options.ts";
import { parseTimeOrDate } from "../arguments.ts";
import { CliError } from "../cli-error.ts";
import { parseEquals, readAs } from "./condition.ts";

export const textOption = createOption("--text", "read values as text; otherwise as JSON, where they are JSON");

export const filterOptions = groupOptions("Filter:", {
  where: createOption(
    "--where <name=value>",
    "only users with this value in a property; repeat it for several",
  ).argParser((text: string, previous: readonly string[] | undefined) => [...(previous ?? []), text]),
  text: textOption,
  updatedAfter: createOption(
    "--updated-after <time>",
    "only users that changed after this time (RFC 3339, or a date in UTC)",
  ).argParser(parseTimeOrDate),
  createdAfter: createOption("--created-after <time>", "only users that were created after this time").argParser(
    parseTimeOrDate,
  ),
});

/** For a filter that no user meets: which of its values were not read as text. */
export function hintsOf({ where = [], text }: ValuesOf<typeof filterOptions>): readonly string[] {
  return where.flatMap((argument) => {
    const { property, value } = parseEquals(argument, text === true);
    return readAs(property, value) ?? [];
  });
}

export type UserFilter = MessageInitShape<typeof UserFilterSchema>;

/**
 * @returns undefined if all users are wanted
 * @throws CliError if a condition is wrong
 */
export function filterOf(given: ValuesOf<typeof filterOptions>): UserFilter | undefined {
  const { where = [], text = false, updatedAfter, createdAfter } = given;
  const properties = new Map<string, JsonValue>();
  for (const argument of where) {
    const { property, value } = parseEquals(argument, text);
    if (properties.has(property)) throw new CliError(`--where names ${property} twice, and a user has one value`);
    properties.set(property, value);
  }
  if (properties.size === 0 && updatedAfter === undefined && createdAfter === undefined) return undefined;
  return {
    properties: Object.fromEntries(properties),
    ...(updatedAfter && { updatedAfter }),
    ...(createdAfter && { createdAfter }),
  };
}
