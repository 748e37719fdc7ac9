import { type JsonObject, toJsonString } from "@bufbuild/protobuf";
import { Command, InvalidArgumentError, Option } from "commander";
import { IdentifyResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { createUserClient } from "../client/index.ts";
import { clientOptions } from "../config/options.ts";
import { callFailure } from "./cli-error.ts";
import { isJsonObject } from "./json.ts";

interface Options {
  readonly server: string;
  readonly timeout: number;
  readonly properties: JsonObject;
}

export function identifyCommand(): Command {
  return new Command("identify")
    .description("create or update one user, and print the merged user as JSON")
    .argument("<id>", "the user's id")
    .addOption(
      new Option("--properties <json>", "the properties to write, as a JSON object")
        .makeOptionMandatory()
        .argParser(parseProperties),
    )
    .addOption(clientOptions.server())
    .addOption(clientOptions.timeout())
    .action(identify);
}

async function identify(id: string, options: Options): Promise<void> {
  const { properties, server, timeout } = options;
  const answer = await createUserClient(server)
    .identify({ id, properties }, { timeoutMs: timeout * 1_000 })
    .catch((error: unknown) => {
      throw callFailure(error, server);
    });
  console.log(toJsonString(IdentifyResponseSchema, answer, { useProtoFieldName: true, prettySpaces: 2 }));
}

function parseProperties(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidArgumentError("It is not JSON.");
  }
  if (!isJsonObject(value)) throw new InvalidArgumentError('Expected a JSON object, as in {"name":"Ada"}.');
  return value;
}
