import { Command, createOption } from "@commander-js/extra-typings";
import { PreferencesMode, SetPreferencesResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { clientOptions } from "../../config/options.ts";
import { parseJsonObject, precondition, preconditionOptions } from "../arguments.ts";
import { createCaller } from "../call.ts";
import { outputOptions, printUser } from "../output.ts";

const options = {
  preferences: createOption("--preferences <json>", "preferences, as a JSON object")
    .argParser(parseJsonObject)
    .makeOptionMandatory(),
  merge: createOption("--merge", "keep preferences that are not named"),
  ifEtag: preconditionOptions.ifEtag,
  ...outputOptions,
  ...clientOptions,
};

const help = `
Examples:
  rollcall set-preferences u1 --preferences '{"newsletter":true,"language":"en"}'
  rollcall set-preferences u1 --preferences '{"language":"fr"}' --merge`;

export function setPreferencesCommand() {
  const command = new Command("set-preferences")
    .description("replace a user's preferences, or merge into them, and print the user")
    .argument("<id>", "the user's id");
  return addOptions(command, options).addHelpText("after", help).action(setPreferences);
}

async function setPreferences(id: string, given: ValuesOf<typeof options>): Promise<void> {
  const { preferences, merge } = given;
  const mode = merge ? PreferencesMode.MERGE : PreferencesMode.REPLACE;
  const request = { id, preferences, mode, ...precondition(given) };
  const answer = await createCaller(given)((users, callOptions) => users.setPreferences(request, callOptions));
  const around = answer.user === undefined ? { before: ["applied"] } : {};
  await printUser(given, SetPreferencesResponseSchema, answer, around);
}
