import { create } from "@bufbuild/protobuf";
import { Command, createOption } from "@commander-js/extra-typings";
import {
  type BatchGetUsersResponse,
  BatchGetUsersResponseSchema,
  GetUserResponseSchema,
} from "#gen/rollcall/v1/user_service_pb.js";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { clientOptions } from "../../config/options.ts";
import { createCaller } from "../call.ts";
import { CliError } from "../cli-error.ts";
import { outputOptions, printMessage, printUser, terminal } from "../output.ts";
import { printStyled } from "../standard-streams.ts";

const options = {
  only: createOption("--only <names...>", "only these properties, separated by spaces; write it last"),
  ...outputOptions,
  ...clientOptions,
};
type Given = ValuesOf<typeof options>;

/** The most ids in one BatchGetUsers. */
const maxIds = 1_000;

const help = `
A terminal shows users for people to read. Pipes and files get JSON, and a terminal with --json: for several ids one object
with "users" and, if there are any, "missing_ids" and "damaged_ids".

Examples:
  rollcall get u1
  rollcall get u1 u2 u3 --only name plan
  rollcall get u1 | jq .user.properties`;

export function getCommand() {
  const command = new Command("get")
    .description("print users; exit status 1 if one is missing or cannot be read")
    .argument("<ids...>", "the users' ids");
  return addOptions(command, options)
    .addHelpText("after", help)
    .action((ids, given) => {
      const [id, ...others] = ids;
      return id !== undefined && others.length === 0 ? getOne(id, given) : getSeveral(ids, given);
    });
}

async function getOne(id: string, given: Given): Promise<void> {
  const request = { id, onlyProperties: [...(given.only ?? [])] };
  const answer = await createCaller(given)((users, callOptions) => users.getUser(request, callOptions));
  await printUser(given, GetUserResponseSchema, answer);
}

async function getSeveral(ids: readonly string[], given: Given): Promise<void> {
  const call = createCaller(given);
  const found: BatchGetUsersResponse = create(BatchGetUsersResponseSchema);
  let wanted = [...new Set(ids)];
  while (wanted.length > 0) {
    const request = { ids: wanted.slice(0, maxIds), onlyProperties: [...(given.only ?? [])] };
    const answer = await call((users, callOptions) => users.batchGetUsers(request, callOptions));
    found.users.push(...answer.users);
    found.missingIds.push(...answer.missingIds);
    found.damagedIds.push(...answer.damagedIds);
    wanted = [...answer.unreadIds, ...wanted.slice(maxIds)];
  }
  const screen = terminal(given);
  if (screen === undefined) {
    await printMessage(BatchGetUsersResponseSchema, found);
    if (found.missingIds.length + found.damagedIds.length > 0) process.exitCode = 1;
    return;
  }
  const { userCard } = await import("../terminal/users.ts");
  await printStyled(...found.users.flatMap((user, at) => [...(at === 0 ? [] : [""]), ...userCard(user, screen)]));
  const failures = [
    ["there is no user", found.missingIds],
    ["cannot read the damaged record of", found.damagedIds],
  ] as const;
  const told = failures.filter(([, of]) => of.length > 0).map(([what, of]) => `${what} ${of.join(", ")}`);
  if (told.length > 0) throw new CliError(told.join("; "));
}
