import { readFileSync } from "node:fs";
import type { CallOptions } from "@connectrpc/connect";
import type { Command } from "commander";
import { type ConnectionOptions, createRollcallClient, type RollcallClient } from "../client/index.ts";
import { clientOptions } from "../config/options.ts";
import { callFailure } from "./call-failure.ts";
import { CliError } from "./cli-error.ts";

/** How to reach a server. */
export interface ConnectionArguments {
  readonly server: string;
  readonly token?: string;
  /** Files, in PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What every command takes that makes single calls. */
export interface ServerOptions extends ConnectionArguments {
  /** Seconds. */
  readonly timeout: number;
}

export function addConnectionOptions(command: Command): Command {
  const { server, token, ca, cert, key } = clientOptions;
  for (const option of [server, token, ca, cert, key]) command.addOption(option());
  return command;
}

export function addServerOptions(command: Command): Command {
  return addConnectionOptions(command).addOption(clientOptions.timeout());
}

/** @throws CliError if a file cannot be read, or options make no sense */
export function connectionOptions({ server, token, ca, cert, key }: ConnectionArguments): ConnectionOptions {
  if ((cert === undefined) !== (key === undefined)) throw new CliError("--cert and --key are given together");
  // As HTTP has it in a header. What is said of it must not show it.
  if (token !== undefined && !/^[!-~]*$/.test(token)) {
    throw new CliError("--token (or ROLLCALL_TOKEN) has to be printable ASCII, without spaces");
  }
  return { server, token, tls: { ca: readPem("--ca", ca), cert: readPem("--cert", cert), key: readPem("--key", key) } };
}

function readPem(option: string, file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    throw new CliError(`${option} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  if (!content.includes("-----BEGIN ")) throw new CliError(`${option} is not in PEM: ${file}`);
  return content;
}

/** Makes one call of several on the same connection. */
export type Caller = <Answer>(
  work: (client: RollcallClient, options: CallOptions) => Promise<Answer>,
) => Promise<Answer>;

/** Makes the attempts at one call. */
export type Attempts = <Answer>(attempt: () => Promise<Answer>) => Promise<Answer>;

const once: Attempts = (attempt) => attempt();

/**
 * The caller throws CliError if a call fails.
 *
 * @param attempts how often a call is tried; what it fails with is told as it is where that is a CliError
 */
export function createCaller(options: ServerOptions, attempts: Attempts = once): Caller {
  const { server, timeout } = options;
  const client = createRollcallClient({ ...connectionOptions(options), retries: false });
  return (work) =>
    attempts(() => work(client, { timeoutMs: timeout * 1_000 })).catch((error: unknown) => {
      throw error instanceof CliError ? error : callFailure(error, server);
    });
}
