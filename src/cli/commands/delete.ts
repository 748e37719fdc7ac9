import { Command, createOption } from "@commander-js/extra-typings";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { clientOptions } from "../../config/options.ts";
import { precondition, preconditionOptions } from "../arguments.ts";
import { createCaller } from "../call.ts";

const options = {
  allowMissing: createOption("--allow-missing", "succeed where there is no such user"),
  ifEtag: preconditionOptions.ifEtag,
  ...clientOptions,
};

const help = `
Examples:
  rollcall delete u1
  rollcall delete u1 --allow-missing`;

export function deleteCommand() {
  const command = new Command("delete").description("delete a user for good").argument("<id>", "the user's id");
  return addOptions(command, options).addHelpText("after", help).action(deleteUser);
}

async function deleteUser(id: string, given: ValuesOf<typeof options>): Promise<void> {
  const request = { id, allowMissing: given.allowMissing === true, ...precondition(given) };
  await createCaller(given)((users, callOptions) => users.deleteUser(request, callOptions));
}
