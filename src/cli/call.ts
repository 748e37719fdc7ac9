import { once } from "node:events";
import { type DescMessage, type MessageShape, toJsonString } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import type { Command } from "commander";
import { createUserClient, type UserClient } from "../client/index.ts";
import { clientOptions } from "../config/options.ts";
import { callFailure } from "./cli-error.ts";

/** What every command that calls a server takes. */
export interface ServerOptions {
  readonly server: string;
  /** Seconds. */
  readonly timeout: number;
}

export function addServerOptions(command: Command): Command {
  return command.addOption(clientOptions.server()).addOption(clientOptions.timeout());
}

/** Makes one call of several on the same connection. */
export type Caller = <Answer>(work: (client: UserClient, options: CallOptions) => Promise<Answer>) => Promise<Answer>;

/** The caller throws CliError if a call fails. */
export function createCaller({ server, timeout }: ServerOptions): Caller {
  const client = createUserClient(server);
  return (work) =>
    work(client, { timeoutMs: timeout * 1_000 }).catch((error: unknown) => {
      throw callFailure(error, server);
    });
}

/** Prints a message as JSON with the contract's names: over several lines, or, for a line of NDJSON, on one. */
export async function printMessage<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  { oneLine = false }: { oneLine?: boolean } = {},
): Promise<void> {
  const text = toJsonString(schema, message, { useProtoFieldName: true, ...(oneLine ? {} : { prettySpaces: 2 }) });
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, "drain");
}
