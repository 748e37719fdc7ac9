import type { CallOptions } from "@connectrpc/connect";
import { type ConnectionOptions, createRollcallClient, type RollcallClient } from "../client/index.ts";
import type { ClientSettings, ConnectionSettings } from "../config/options.ts";
import { readPem } from "../config/pem.ts";
import { callFailure } from "./call-failure.ts";
import { CliError } from "./cli-error.ts";

/**
 * Reads the files that options name.
 *
 * @throws CliError if a file cannot be read, or options contradict one another
 */
export function connectionTo({ server, protocol, token, ca, cert, key }: ConnectionSettings): ConnectionOptions {
  if ((cert === undefined) !== (key === undefined)) throw new CliError("--cert and --key are given together");
  // The header takes no other characters. The message must not show the token.
  if (token !== undefined && !/^[!-~]*$/.test(token)) {
    throw new CliError("--token (or ROLLCALL_TOKEN) has to be printable ASCII, without spaces");
  }
  try {
    return {
      server,
      protocol,
      token,
      tls: { ca: readPem("--ca", ca), cert: readPem("--cert", cert), key: readPem("--key", key) },
    };
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error));
  }
}

/** Makes one of several calls over the same connection. */
export type Caller = <Answer>(
  work: (client: RollcallClient, options: CallOptions) => Promise<Answer>,
) => Promise<Answer>;

/** Tries one call, perhaps several times. */
export type Attempts = <Answer>(attempt: () => Promise<Answer>) => Promise<Answer>;

const once: Attempts = (attempt) => attempt();

/**
 * @param attempts tries each call; a CliError from it is thrown unchanged
 * @returns throws CliError if a call fails
 */
export function createCaller(options: ClientSettings, attempts: Attempts = once): Caller {
  const { server, timeout } = options;
  const client = createRollcallClient({ ...connectionTo(options), retries: false });
  return (work) =>
    attempts(() => work(client, { timeoutMs: timeout * 1_000 })).catch((error: unknown) => {
      throw error instanceof CliError ? error : callFailure(error, server);
    });
}
