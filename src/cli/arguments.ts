/** Arguments that several commands take: JSON objects, times, preconditions. */
import { fromJson, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { PreconditionSchema } from "#gen/rollcall/v1/user_pb.js";
import { parseSeconds } from "../config/option-values.ts";
import { checked } from "../config/options.ts";
import { CliError } from "./cli-error.ts";
import { isJsonObject } from "./json.ts";

/** For an option's argument. */
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

/** For an option's argument: RFC 3339. */
export function parseTime(text: string): Timestamp {
  try {
    return fromJson(TimestampSchema, text);
  } catch {
    throw new InvalidArgumentError("Expected a time, as in 2026-01-31T12:00:00Z.");
  }
}

/** For an option's argument. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1) throw new InvalidArgumentError("Expected a number from 1.");
  return Math.min(count, 2 ** 31 - 1);
}

/** How long a command that makes many calls waits for a server that goes away, in seconds. */
export function maxDownOption(command: string): Option {
  return new Option("--max-down <seconds>", `how long the server may be away before the ${command} gives up`)
    .default(300)
    .argParser(checked(parseSeconds));
}

/**
 * For options that another format than CSV would ignore.
 *
 * @param names the options' names in the command's values
 * @throws CliError if one of them was given, and the format is not CSV
 */
export function checkCsvOptions(command: Command, names: readonly string[], format: string): void {
  if (format === "csv") return;
  for (const name of names) {
    if (command.getOptionValueSource(name) !== "cli") continue;
    // --trim and --no-trim have one name.
    const isNegated = command.getOptionValue(name) === false;
    const option = command.options.find((known) => known.attributeName() === name && known.negate === isNegated);
    throw new CliError(`${option?.long ?? name} is for CSV, and the format is ${format}`);
  }
}

/** What the options of a precondition come to. */
export interface PreconditionOptions {
  readonly ifExists?: boolean;
  readonly ifMissing?: boolean;
  readonly ifEtag?: string;
}

export const preconditionOptions = {
  ifExists: () => new Option("--if-exists", "only if the user exists").conflicts(["ifMissing", "ifEtag"]),
  ifMissing: () => new Option("--if-missing", "only if the user does not exist").conflicts(["ifExists", "ifEtag"]),
  ifEtag: () => new Option("--if-etag <etag>", "only if the user has this etag").conflicts(["ifExists", "ifMissing"]),
};

/** The request's field; empty where no precondition was given. */
export function precondition(options: PreconditionOptions): {
  precondition?: MessageInitShape<typeof PreconditionSchema>;
} {
  const { ifExists, ifMissing, ifEtag } = options;
  if (ifEtag !== undefined) return { precondition: { condition: { case: "etag", value: ifEtag } } };
  if (ifExists !== true && ifMissing !== true) return {};
  return { precondition: { condition: { case: "exists", value: ifExists === true } } };
}
