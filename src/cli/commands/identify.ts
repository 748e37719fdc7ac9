import { Command, createOption } from "@commander-js/extra-typings";
import { IdentifyResponseSchema, Outcome } from "#gen/rollcall/v1/user_service_pb.js";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { clientOptions } from "../../config/options.ts";
import { parseJsonObject, parseTime, precondition, preconditionOptions } from "../arguments.ts";
import { createCaller } from "../call.ts";
import { outputOptions, printUser } from "../output.ts";

const options = {
  properties: createOption("--properties <json>", "properties to write, as a JSON object").argParser(parseJsonObject),
  setOnce: createOption("--set-once <json>", "properties to write only where the user lacks them").argParser(
    parseJsonObject,
  ),
  unset: createOption("--unset <names...>", "names of properties to remove, separated by spaces"),
  ...preconditionOptions,
  observedAt: createOption(
    "--observed-at <time>",
    "when this was observed (RFC 3339); the latest observation of a property wins",
  ).argParser(parseTime),
  validateOnly: createOption(
    "--validate-only",
    "print what would happen, and write nothing; needs the scope users.read",
  ),
  ...outputOptions,
  ...clientOptions,
};

const help = `
Examples:
  rollcall identify u1 --properties '{"name":"Ada","email":"ada@example.com"}'
  rollcall identify u1 --set-once '{"source":"import"}' --unset phone fax --if-exists
  rollcall identify u1 --properties '{"plan":"pro"}' --observed-at 2026-01-31T12:00:00Z`;

export function identifyCommand() {
  const command = new Command("identify")
    .description("create or update a user, and print the outcome")
    .argument("<id>", "the user's id");
  return addOptions(command, options).addHelpText("after", help).action(identify);
}

async function identify(id: string, given: ValuesOf<typeof options>): Promise<void> {
  const { properties, setOnce, unset, observedAt, validateOnly = false } = given;
  const request = {
    id,
    ...(properties && { properties }),
    ...(setOnce && { setOnce }),
    ...(observedAt && { observedAt }),
    unset: [...(unset ?? [])],
    ...precondition(given),
    validateOnly,
  };
  const answer = await createCaller(given)((users, callOptions) => users.identify(request, callOptions));
  const { outcome, ignoredProperties } = answer;
  const what = Outcome[outcome]?.toLowerCase() ?? String(outcome);
  await printUser(given, IdentifyResponseSchema, answer, {
    before: [`${validateOnly ? "would be " : ""}${what}`],
    after: ignoredProperties.length > 0 ? [`  ignored: ${ignoredProperties.join(", ")}`] : [],
  });
}
