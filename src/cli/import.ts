import { access, constants } from "node:fs/promises";
import { Command } from "commander";
import { createRollcallClient, type ImportCounts, ImportInterrupted, importUsers } from "../client/index.ts";
import { addConnectionOptions, type ConnectionArguments, connectionOptions } from "./call.ts";
import { callFailure, codeName } from "./call-failure.ts";
import { CliError } from "./cli-error.ts";
import { readUsers } from "./ndjson.ts";

export function importCommand(): Command {
  const command = new Command("import")
    .description("import users from a file with one JSON object a line, with id and properties")
    .argument("<file>", "the file, NDJSON");
  return addConnectionOptions(command)
    .addHelpText("after", "\nEach line that fails is listed with its number and reason; the exit status is then 1.")
    .action(importFile);
}

async function importFile(file: string, options: ConnectionArguments): Promise<void> {
  const { server } = options;
  await access(file, constants.R_OK).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  const start = performance.now();
  let invalid = 0;
  const report = (line: number, reason: string) => console.error(`${file}:${line}: ${reason}`);
  const users = readUsers(file, (line, reason) => {
    invalid++;
    report(line, reason);
  });
  const counts = await importUsers(createRollcallClient(connectionOptions(options)), users, {
    maxDownMs: 0,
    onRefused: ({ line }, { code, reason, message }) => report(line, `${codeName(code)} ${reason}: ${message}`),
  }).catch((error: unknown) => {
    if (!(error instanceof ImportInterrupted)) throw unreadable(file, error);
    console.error(summary(error.counts, invalid, start));
    const from =
      error.firstUnanswered === undefined ? "" : `; from line ${error.firstUnanswered.line} on nothing is certain`;
    throw new CliError(`the import was interrupted${from}: ${callFailure(error.cause, server).message}`);
  });
  console.log(summary(counts, invalid, start));
  if (counts.failed + invalid > 0) process.exitCode = 1;
}

function unreadable(file: string, error: unknown): CliError {
  return new CliError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
}

function summary(counts: Readonly<ImportCounts>, invalid: number, start: number): string {
  const { created, updated, unchanged, failed } = counts;
  const total = created + updated + unchanged + failed + invalid;
  const seconds = (performance.now() - start) / 1_000;
  return (
    `${total} users: ${created} created, ${updated} updated, ${unchanged} unchanged, ${failed + invalid} failed` +
    ` in ${seconds.toFixed(1)} s (${Math.round(total / seconds)} users/s)`
  );
}
