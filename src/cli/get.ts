import { create } from "@bufbuild/protobuf";
import { Command } from "commander";
import {
  type BatchGetUsersResponse,
  BatchGetUsersResponseSchema,
  GetUserResponseSchema,
} from "#gen/rollcall/v1/user_service_pb.js";
import { addServerOptions, createCaller, printMessage, type ServerOptions } from "./call.ts";

interface Options extends ServerOptions {
  readonly only?: readonly string[];
}

/** Ids that one BatchGetUsers takes. */
const maxIds = 1_000;

export function getCommand(): Command {
  const command = new Command("get")
    .description("print users as JSON; exit status 1 if one is missing")
    .argument("<ids...>", "the users' ids")
    .option("--only <names...>", "only these properties")
    .action((ids: readonly string[], options: Options) => {
      const [id, ...others] = ids;
      return id !== undefined && others.length === 0 ? getOne(id, options) : getSeveral(ids, options);
    });
  return addServerOptions(command).addHelpText(
    "after",
    `
Several ids give one object with "users" and, if there are any, "missing_ids".

Examples:
  rollcall get u1
  rollcall get u1 u2 u3 --only name plan`,
  );
}

async function getOne(id: string, options: Options): Promise<void> {
  const request = { id, onlyProperties: [...(options.only ?? [])] };
  const answer = await createCaller(options)((users, callOptions) => users.getUser(request, callOptions));
  await printMessage(GetUserResponseSchema, answer);
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
    wanted = [...answer.unreadIds, ...wanted.slice(maxIds)];
  }
  await printMessage(BatchGetUsersResponseSchema, found);
  if (found.missingIds.length > 0) process.exitCode = 1;
}
