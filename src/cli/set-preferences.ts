import type { JsonObject } from "@bufbuild/protobuf";
import { Command } from "commander";
import { PreferencesMode, SetPreferencesResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { type PreconditionOptions, parseJsonObject, precondition, preconditionOptions } from "./arguments.ts";
import { addServerOptions, createCaller, type ServerOptions } from "./call.ts";
import { addJsonOption, type OutputOptions, printUser } from "./output.ts";

interface Options extends ServerOptions, PreconditionOptions, OutputOptions {
  readonly preferences: JsonObject;
  readonly merge?: boolean;
}

export function setPreferencesCommand(): Command {
  const command = new Command("set-preferences")
    .description("replace a user's preferences, or merge into them, and print the user")
    .argument("<id>", "the user's id")
    .requiredOption("--preferences <json>", "the preferences, as a JSON object", parseJsonObject)
    .option("--merge", "keep the preferences that are not named")
    .addOption(preconditionOptions.ifEtag())
    .action(setPreferences);
  return addServerOptions(addJsonOption(command)).addHelpText(
    "after",
    `
Examples:
  rollcall set-preferences u1 --preferences '{"newsletter":true,"language":"en"}'
  rollcall set-preferences u1 --preferences '{"language":"fr"}' --merge`,
  );
}

async function setPreferences(id: string, options: Options): Promise<void> {
  const mode = options.merge === true ? PreferencesMode.MERGE : PreferencesMode.REPLACE;
  const request = { id, preferences: options.preferences, mode, ...precondition(options) };
  const answer = await createCaller(options)((users, callOptions) => users.setPreferences(request, callOptions));
  await printUser(
    options,
    SetPreferencesResponseSchema,
    answer,
    answer.user === undefined ? { before: ["applied"] } : {},
  );
}
