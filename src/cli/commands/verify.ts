import { isUtf8 } from "node:buffer";
import { Command, createOption } from "@commander-js/extra-typings";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { storeOptions } from "../../config/options.ts";
import { describeStoreLocation } from "../../config/store-url.ts";
import { openVerifier } from "../../server/open-store.ts";
import type { Finding, StoreVerifier } from "../../store/verify/verifier.ts";
import { createLogger } from "../../telemetry/logger.ts";
import { UserError } from "../../users/errors.ts";
import { CliError } from "../cli-error.ts";
import { print, printJson, say } from "../standard-streams.ts";
import { abortedBySignal } from "../stop-signals.ts";
import { showProgress } from "../terminal/progress.ts";

const options = {
  json: createOption("--json", "print one line of JSON per finding, and one with the counts"),
  ...storeOptions,
};

/** The exit status if not every record could be checked; 1 is for damaged records. */
const verifyFailedStatus = 2;

const help = `
It reads in short steps, so that no call has to wait, and writes nothing. Each finding is printed on a line. Exit status 0: all is
well; ${verifyFailedStatus}: not every record could be read. docs/operating.md says what to do about a damaged record.

Examples:
  rollcall verify
  rollcall verify --store sqlite:/var/lib/rollcall/users.db
  rollcall verify --store redis+cluster://10.0.0.1:6379,10.0.0.2:6379 --json > damaged.ndjson`;

export function verifyCommand() {
  const command = new Command("verify").description(
    "find damaged records and what does not belong, also while a server uses the store; exit status 1 if there is any",
  );
  return addOptions(command, options).addHelpText("after", help).action(verify);
}

async function verify({ store, json, ...settings }: ValuesOf<typeof options>): Promise<void> {
  const stopped = abortedBySignal();
  let verifier: StoreVerifier | undefined;
  const progress = showProgress(process.stderr, true);
  let users = 0;
  const damaged = new Set<string>();
  try {
    verifier = await openVerifier(store, settings, createLogger("silent"));
    for await (const slice of verifier.walk()) {
      stopped.throwIfAborted();
      users += slice.users;
      for (const finding of slice.findings) {
        damaged.add(Buffer.from(finding.id).toString("latin1"));
        let printed = Promise.resolve();
        progress.above(() => {
          printed = json ? printJson(jsonOf(finding)) : print(lineOf(finding));
        });
        await printed;
      }
      progress.update({ users, share: slice.share, details: `${damaged.size} damaged` });
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`cannot verify ${describeStoreLocation(store)}: ${reasonOf(error)}`, verifyFailedStatus);
  } finally {
    progress.stop();
    verifier?.close();
  }
  if (json) await printJson(JSON.stringify({ users, damaged: damaged.size }));
  else say(damaged.size === 0 ? `${users} users, all is well` : `${users} users, ${damaged.size} damaged`);
  if (damaged.size > 0) process.exitCode = 1;
}

function lineOf({ id, problem }: Finding): string {
  return `${textOf(id)}: ${problem}`;
}

function jsonOf({ id, check, problem }: Finding): string {
  const exact = isUtf8(id) ? {} : { id_base64: Buffer.from(id).toString("base64") };
  return JSON.stringify({ id: textOf(id), ...exact, check, problem });
}

function textOf(id: Uint8Array): string {
  return Buffer.from(id).toString("utf8");
}

/** The store's own words, if there are any. */
function reasonOf(error: unknown): string {
  const cause = error instanceof UserError && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
