import { toJsonString } from "@bufbuild/protobuf";
import { Command } from "commander";
import { GetUserResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { createUserClient } from "../client/index.ts";
import { clientOptions } from "../config/options.ts";
import { callFailure } from "./cli-error.ts";

interface Options {
  readonly server: string;
  readonly timeout: number;
  readonly only?: readonly string[];
}

export function getCommand(): Command {
  return new Command("get")
    .description("print one user as JSON")
    .argument("<id>", "the user's id")
    .option("--only <names...>", "only these properties")
    .addOption(clientOptions.server())
    .addOption(clientOptions.timeout())
    .action(get);
}

async function get(id: string, options: Options): Promise<void> {
  const request = { id, onlyProperties: [...(options.only ?? [])] };
  const answer = await createUserClient(options.server)
    .getUser(request, { timeoutMs: options.timeout * 1_000 })
    .catch((error: unknown) => {
      throw callFailure(error, options.server);
    });
  console.log(toJsonString(GetUserResponseSchema, answer, { useProtoFieldName: true, prettySpaces: 2 }));
}
