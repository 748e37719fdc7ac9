import { Command } from "@commander-js/extra-typings";
import { GetRegistryResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { addOptions } from "../../config/declare-options.ts";
import { type ClientSettings, clientOptions } from "../../config/options.ts";
import { createCaller } from "../call.ts";
import { printMessage } from "../output.ts";

const help = `
Prints JSON: the server's version, the required properties, the store with its features and indexes, and the name
and scopes of your credentials. Any credentials will do.

Examples:
  rollcall registry
  rollcall registry --server https://users.example.com | jq .principal.scopes`;

export function registryCommand() {
  const command = new Command("registry").description("describe a server's registry, and what you may do there");
  return addOptions(command, clientOptions).addHelpText("after", help).action(describe);
}

async function describe(given: ClientSettings): Promise<void> {
  const answer = await createCaller(given)((users, callOptions) => users.getRegistry({}, callOptions));
  await printMessage(GetRegistryResponseSchema, answer);
}
