import { create } from "@bufbuild/protobuf";
import { Command } from "commander";
import {
  type BatchGetUsersResponse,
  BatchGetUsersResponseSchema,
  GetUserResponseSchema,
} from "#gen/rollcall/v1/user_service_pb.js";
import { addServerOptions, createCaller, type ServerOptions } from "./call.ts";
import { CliError } from "./cli-error.ts";
import { addJsonOption, type OutputOptions, printMessage, printUser, terminal } from "./output.ts";
import { printStyled } from "./standard-streams.ts";

interface Options extends ServerOptions, OutputOptions {
  readonly only?: readonly string[];
}

/** Ids that one BatchGetUsers takes. */
const maxIds = 1_000;

export function getCommand(): Command {
  const command = new Command("get")
    .description("print users; exit status 1 if one is missing or cannot be read")
    .argument("<ids...>", "the users' ids")
    .option("--only <names...>", "only these properties, separated by spaces")
    .action((ids: readonly string[], options: Options) => {
      const [id, ...others] = ids;
      return id !== undefined && others.length === 0 ? getOne(id, options) : getSeveral(ids, options);
    });
  return addServerOptions(addJsonOption(command)).addHelpText(
    "after",
    `
On a terminal, users are printed for people to read. Elsewhere, and with --json, as JSON; several ids give one object with
"users" and, if there are any, "missing_ids" and "damaged_ids".

Examples:
  rollcall get u1
  rollcall get u1 u2 u3 --only name plan
  rollcall get u1 | jq .user.properties`,
  );
}

async function getOne(id: string, options: Options): Promise<void> {
  const request = { id, onlyProperties: [...(options.only ?? [])] };
  const answer = await createCaller(options)((users, callOptions) => users.getUser(request, callOptions));
  await printUser(options, GetUserResponseSchema, answer);
}

async function getSeveral(ids: readonly string[], options: Options): Promise<void> {
  const call = createCaller(options);
  const found: BatchGetUsersResponse = create(BatchGetUsersResponseSchema);
  let wanted = [...new Set(ids)];
  while (wanted.length > 0) {
    const request = { ids: wanted.slice(0, maxIds), onlyProperties: [...(options.only ?? [])] };
    const answer = await call((users, callOptions) => users.batchGetUsers(request, callOptions));
    found.users.push(...answer.users);
    found.missingIds.push(...answer.missingIds);
    found.damagedIds.push(...answer.damagedIds);
    wanted = [...answer.unreadIds, ...wanted.slice(maxIds)];
  }
  const screen = terminal(options);
  if (screen === undefined) {
    await printMessage(BatchGetUsersResponseSchema, found);
    if (found.missingIds.length + found.damagedIds.length > 0) process.exitCode = 1;
    return;
  }
  const { userCard } = await import("./terminal/users.ts");
  await printStyled(...found.users.flatMap((user, at) => [...(at === 0 ? [] : [""]), ...userCard(user, screen)]));
  const failures = [
    ["there is no user", found.missingIds],
    ["cannot read the damaged record of", found.damagedIds],
  ] as const;
  const told = failures.filter(([, of]) => of.length > 0).map(([what, of]) => `${what} ${of.join(", ")}`);
  if (told.length > 0) throw new CliError(told.join("; "));
}
