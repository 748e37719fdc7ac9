/** Arguments of several commands: JSON objects, times, preconditions. */
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type CommandUnknownOpts, createOption, InvalidArgumentError } from "@commander-js/extra-typings";
import type { PreconditionSchema } from "#gen/rollcall/v1/user_pb.js";
import { checked, type Options, type SomeValuesOf } from "../config/declare-options.ts";
import { parseSeconds } from "../config/option-values.ts";
import { CliError } from "./cli-error.ts";
import { isJsonObject } from "./json.ts";
import { timeOf } from "./time.ts";

export function parseJsonObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidArgumentError("It is not JSON.");
  }
  if (!isJsonObject(value)) throw new InvalidArgumentError('Expected a JSON object, as in {"name":"Ada"}.');
  return value;
}

/** RFC 3339. */
export function parseTime(text: string): Timestamp {
  const time = timeOf(text);
  if (time === undefined) throw new InvalidArgumentError("Expected a time, as in 2026-01-31T12:00:00Z.");
  return time;
}

/** RFC 3339, or a date, whose day begins in UTC. */
export function parseTimeOrDate(text: string): Timestamp {
  const time = timeOf(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (time !== undefined) return time;
  throw new InvalidArgumentError("Expected a time or a date, as in 2026-01-31T12:00:00Z or 2026-01-31.");
}

export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1) throw new InvalidArgumentError("Expected a number from 1.");
  return Math.min(count, 2 ** 31 - 1);
}

/** For commands that make many calls. */
export const maxDownOption = createOption("--max-down <seconds>", "how long to wait for a server that goes away")
  .default(300)
  .argParser(checked(parseSeconds));

/** @throws CliError if one of the options for CSV was given, and the format is another, which would ignore it */
export function checkCsvOptions(command: CommandUnknownOpts, csvOptions: Options, format: string): void {
  if (format === "csv") return;
  for (const option of Object.values(csvOptions)) {
    const name = option.attributeName();
    // --trim and --no-trim have one name.
    const isNegated = command.getOptionValue(name) === false;
    if (command.getOptionValueSource(name) !== "cli" || option.negate !== isNegated) continue;
    throw new CliError(`${option.long} is for CSV, and the format is ${format}`);
  }
}

export const preconditionOptions = {
  ifExists: createOption("--if-exists", "only if the user exists").conflicts(["ifMissing", "ifEtag"]),
  ifMissing: createOption("--if-missing", "only if the user does not exist").conflicts(["ifExists", "ifEtag"]),
  ifEtag: createOption("--if-etag <etag>", "only if the user has this etag").conflicts(["ifExists", "ifMissing"]),
};

/** A request's precondition; empty if none was given. */
export function precondition({ ifExists, ifMissing, ifEtag }: SomeValuesOf<typeof preconditionOptions>): {
  precondition?: MessageInitShape<typeof PreconditionSchema>;
} {
  if (ifEtag !== undefined) return { precondition: { condition: { case: "etag", value: ifEtag } } };
  if (ifExists !== true && ifMissing !== true) return {};
  return { precondition: { condition: { case: "exists", value: ifExists === true } } };
}
