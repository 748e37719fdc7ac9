import { Command } from "commander";
import { type PreconditionOptions, precondition, preconditionOptions } from "./arguments.ts";
import { addServerOptions, createCaller, type ServerOptions } from "./call.ts";

interface Options extends ServerOptions, PreconditionOptions {
  readonly allowMissing?: boolean;
}

export function deleteCommand(): Command {
  const command = new Command("delete")
    .description("remove one user for good")
    .argument("<id>", "the user's id")
    .option("--allow-missing", "a user that is not there is fine")
    .addOption(preconditionOptions.ifEtag())
    .action(deleteUser);
  return addServerOptions(command).addHelpText(
    "after",
    `
Examples:
  rollcall delete u1
  rollcall delete u1 --allow-missing`,
  );
}

async function deleteUser(id: string, options: Options): Promise<void> {
  const request = { id, allowMissing: options.allowMissing === true, ...precondition(options) };
  await createCaller(options)((users, callOptions) => users.deleteUser(request, callOptions));
}
