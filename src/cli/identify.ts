import type { JsonObject } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Command } from "commander";
import { IdentifyResponseSchema, Outcome } from "#gen/rollcall/v1/user_service_pb.js";
import {
  type PreconditionOptions,
  parseJsonObject,
  parseTime,
  precondition,
  preconditionOptions,
} from "./arguments.ts";
import { addServerOptions, createCaller, type ServerOptions } from "./call.ts";
import { addJsonOption, type OutputOptions, printUser } from "./output.ts";

interface Options extends ServerOptions, PreconditionOptions, OutputOptions {
  readonly properties?: JsonObject;
  readonly setOnce?: JsonObject;
  readonly unset?: readonly string[];
  readonly observedAt?: Timestamp;
  readonly validateOnly?: boolean;
}

export function identifyCommand(): Command {
  const command = new Command("identify")
    .description("create or update one user, and print what became of it")
    .argument("<id>", "the user's id")
    .option("--properties <json>", "the properties to write, as a JSON object", parseJsonObject)
    .option("--set-once <json>", "properties to write only if the user does not have them", parseJsonObject)
    .option("--unset <names...>", "names of properties to remove, separated by spaces")
    .addOption(preconditionOptions.ifExists())
    .addOption(preconditionOptions.ifMissing())
    .addOption(preconditionOptions.ifEtag())
    .option("--observed-at <time>", "when that was observed (RFC 3339): for each property, the latest wins", parseTime)
    .option("--validate-only", "say what would be, and write nothing; needs the scope users.read")
    .action(identify);
  return addServerOptions(addJsonOption(command)).addHelpText(
    "after",
    `
Examples:
  rollcall identify u1 --properties '{"name":"Ada","email":"ada@example.com"}'
  rollcall identify u1 --set-once '{"source":"import"}' --unset phone fax --if-exists
  rollcall identify u1 --properties '{"plan":"pro"}' --observed-at 2026-01-31T12:00:00Z`,
  );
}

async function identify(id: string, options: Options): Promise<void> {
  const { properties, setOnce, unset, observedAt, validateOnly = false } = options;
  const request = {
    id,
    ...(properties && { properties }),
    ...(setOnce && { setOnce }),
    ...(observedAt && { observedAt }),
    unset: [...(unset ?? [])],
    ...precondition(options),
    validateOnly,
  };
  const answer = await createCaller(options)((users, callOptions) => users.identify(request, callOptions));
  const { outcome, ignoredProperties } = answer;
  const what = Outcome[outcome]?.toLowerCase() ?? String(outcome);
  await printUser(options, IdentifyResponseSchema, answer, {
    before: [`${validateOnly ? "would be " : ""}${what}`],
    after: ignoredProperties.length > 0 ? [`  ignored: ${ignoredProperties.join(", ")}`] : [],
  });
}
