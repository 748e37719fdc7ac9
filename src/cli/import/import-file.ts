import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { IdentifyError } from "#gen/rollcall/v1/user_service_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import {
  type ConnectionOptions,
  createRollcallClient,
  createTransport,
  ImportInterrupted,
  importUsers,
} from "../../client/index.ts";
import { callFailure, codeName, failureText } from "../call-failure.ts";
import { CliError } from "../cli-error.ts";
import { print, printJson, say } from "../standard-streams.ts";
import { showProgress } from "../terminal/progress.ts";
import { garbageCollector } from "./bounded-heap.ts";
import { identify, Journal, journalPath, nothingDone, type Progress, readJournal } from "./journal.ts";
import { Ledger } from "./ledger.ts";
import { type Rejection, Rejects } from "./rejects.ts";
import type { CsvOptions } from "./rows/csv-columns.ts";
import { readRows, type SourceFormat } from "./rows/format.ts";
import { sourceName } from "./rows/source.ts";
import { describeCounts, summarize, summaryTable } from "./summary.ts";

/** How long a server may take to answer the first call. */
const reachTimeoutMs = 10_000;
/** How many failed rows are listed. All are kept in the file. */
const maxListed = 100;

export interface ImportArguments {
  /** `-` for standard input. */
  readonly file: string;
  readonly format: SourceFormat;
  readonly csv: CsvOptions;
  /** The file for rows that are not imported. */
  readonly rejected: string | undefined;
  readonly resume: boolean;
  readonly connection: ConnectionOptions;
  /** Whether the server only checks the rows. Then no file is written either. */
  readonly isDryRun: boolean;
  /** Whether the summary is JSON. */
  readonly json: boolean;
  /** How long the server may be away before the import gives up. */
  readonly maxDownSeconds: number;
  /** Interrupts the import. A CliError as its reason gives the exit status. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Imports a file. Progress and failed rows go to standard error, the summary to standard output. The exit status is 1 if a row
 * failed.
 *
 * @throws CliError if the import could not begin, or ended before everything was answered
 */
export async function importFile(options: ImportArguments): Promise<void> {
  const { file, format, csv, connection, isDryRun, signal } = options;
  const { server } = connection;
  const name = sourceName(file);
  await checkReachable(connection);
  const { journal, from, rejects } = await openRecords({ ...options, server });

  const start = performance.now();
  const size = file === "-" ? undefined : (await stat(file)).size;
  const shown = showProgress(process.stderr, size !== undefined);
  let listed = 0;
  const list = (line: number, why: string) => {
    if (++listed > maxListed + 1) return;
    const more = isDryRun ? "… and more" : `… and more: see ${rejects.path}`;
    shown.above(() => say(listed > maxListed ? more : `${name}:${line}: ${why}`));
  };
  const ledger = new Ledger({
    rejects,
    journal,
    from,
    onInvalid: ({ line, field, reason }) => list(line, field === undefined ? reason : `${field}: ${reason}`),
  });
  let bytesRead = () => 0;
  const rows = readRows(file, format, csv, (read) => {
    bytesRead = read;
  });
  const collectGarbage = garbageCollector();
  const printSummary = () => {
    const seconds = (performance.now() - start) / 1_000;
    const rejected = isDryRun ? undefined : rejects.path;
    const summary = summarize(ledger.progress, from, seconds, rejected);
    void (options.json ? printJson(JSON.stringify(summary)) : print(...summaryTable(summary)));
    return summary;
  };
  try {
    await importUsers(createRollcallClient(connection), ledger.users(rows), {
      validateOnly: isDryRun,
      signal,
      maxDownMs: options.maxDownSeconds * 1_000,
      keep: (row) => ledger.keep(row),
      onRefused: (kept, error, user) => {
        // Every row of a dry run would fail for this reason.
        if (isDryRun && error.reason === "SCOPE_MISSING") throw new CliError(refusalText(error));
        ledger.refused(kept, user, rejectionOf(error));
        list(kept.line, refusalText(error));
      },
      onProgress: (counts) => {
        ledger.answered(counts.answered, counts);
        collectGarbage();
        const share = size === undefined ? undefined : Math.min(1, bytesRead() / Math.max(1, size));
        shown.update({ users: counts.answered, share, details: describeCounts(ledger.progress) });
      },
      onWaiting: (failure) => shown.waiting(`waiting for ${server}: ${failureText(failure)}`),
    });
    await ledger.end("complete");
  } catch (error) {
    shown.stop();
    // Report why the import failed, not what follows from it.
    await ledger.end("interrupted").catch(() => {});
    const hasBegun = ledger.progress.answered + ledger.progress.invalid > 0;
    if (hasBegun) printSummary();
    if (!(error instanceof ImportInterrupted)) throw error;
    if (!hasBegun && signal?.aborted !== true) throw callFailure(error.cause, server);
    const how = journal === undefined ? "" : "; --resume goes on from there";
    if (signal?.aborted !== true) {
      const { message, details } = callFailure(error.cause, server);
      throw new CliError(`the import was interrupted${how}: ${message}`, 1, details);
    }
    const exitStatus = signal.reason instanceof CliError ? signal.reason.exitStatus : 1;
    throw new CliError(`the import was interrupted${how}`, exitStatus);
  }
  shown.stop();
  const { users, failed, passed_over } = printSummary();
  if (users + passed_over === 0) say(`${name} has no users: nothing was imported`);
  if (failed > 0) process.exitCode = 1;
}

/** Fails at once if there is no server. Only a server that goes away later is waited for. */
async function checkReachable(connection: ConnectionOptions): Promise<void> {
  const health = createClient(Health, createTransport(connection));
  await health.check({}, { timeoutMs: reachTimeoutMs }).catch((error: unknown) => {
    const { code } = ConnectError.from(error);
    if (code === Code.Unavailable || code === Code.DeadlineExceeded) throw callFailure(error, connection.server);
  });
}

interface RecordsOptions extends ImportArguments {
  readonly server: string;
}

/** The files that an import keeps beside its source. */
async function openRecords(options: RecordsOptions): Promise<{
  readonly rejects: Rejects;
  readonly journal: Journal | undefined;
  readonly from: Progress | undefined;
}> {
  const { file, format, csv, server, resume } = options;
  if (options.isDryRun) {
    if (resume) throw new CliError("a dry run cannot be resumed: leave out --resume");
    return { rejects: Rejects.none(), journal: undefined, from: undefined };
  }
  if (options.rejected !== undefined) await Rejects.check(options.rejected);
  if (file === "-") {
    if (resume) throw new CliError("an import of standard input cannot be resumed: name a file");
    const rejects = await Rejects.open(options.rejected ?? "stdin.rejected.ndjson", undefined);
    return { rejects, journal: undefined, from: undefined };
  }
  const rejected = options.rejected ?? `${file}.rejected.ndjson`;
  const meaning = format === "csv" ? { format, ...csv, map: [...csv.map], types: [...csv.types] } : { format };
  const identity = await identify(file, { server, rejected: resolve(rejected), options: meaning });
  const path = journalPath(file);
  const from = resume ? await readJournal(path, identity) : undefined;
  if (resume && from === undefined) say(`there is no ${path}: the import begins at the beginning`);
  const rejects = await Rejects.open(rejected, from?.rejectedBytes);
  const journal = new Journal(path, identity);
  try {
    await journal.write(from ?? nothingDone);
    return { rejects, journal, from };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    say(`${error.message}: if this import is interrupted, it cannot be resumed`);
    return { rejects, journal: undefined, from };
  }
}

function refusalText({ code, reason, message }: IdentifyError): string {
  return `${codeName(code)} ${reason}: ${message}`;
}

function rejectionOf({ code, reason, message, violations }: IdentifyError): Rejection {
  const [first] = violations;
  return {
    code: codeName(code),
    reason,
    ...(first !== undefined && { field: first.field }),
    message,
    violations: violations.map(({ field, reason, description }) => ({ field, reason, description })),
  };
}
