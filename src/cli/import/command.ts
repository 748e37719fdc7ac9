import { Command, type CommandUnknownOpts, createOption, InvalidArgumentError } from "@commander-js/extra-typings";
import { addOptions, groupOptions, type ValuesOf } from "../../config/declare-options.ts";
import { connectionOptions } from "../../config/options.ts";
import { checkCsvOptions, maxDownOption } from "../arguments.ts";
import { connectionTo } from "../call.ts";
import { abortedBySignal } from "../stop-signals.ts";
import { importFile } from "./import-file.ts";
import { type CellType, cellTypes, defaultCsvOptions } from "./rows/csv-columns.ts";
import { formatOf, sourceFormats } from "./rows/format.ts";
import { checkReadable } from "./rows/source.ts";

const csvOptions = groupOptions("CSV:", {
  idColumn: createOption("--id-column <column>", "column with the ids").default(defaultCsvOptions.idColumn),
  map: createOption("--map <column=property>", "store a column under another property name; repeatable")
    .default(defaultCsvOptions.map, "the column's name")
    .argParser(parsePair((property) => property)),
  type: createOption(
    "--type <column=type>",
    `type of a column's cells: ${cellTypes.join(", ")}; repeatable; * for all other columns`,
  )
    .default(defaultCsvOptions.types, "string")
    .argParser(parsePair(parseCellType)),
  empty: createOption("--empty <how>", "store an empty cell as null, or skip it")
    .choices(["skip", "null"])
    .default(defaultCsvOptions.empty),
  delimiter: createOption("--delimiter <character>", "character between cells; tab for a tab")
    .default(defaultCsvOptions.delimiter)
    .argParser(parseDelimiter),
  trim: createOption("--trim", "drop spaces around cells; by default, if the header has spaces around its names"),
  noTrim: createOption("--no-trim", "keep spaces around cells, except around quotes"),
});

const options = {
  format: createOption(
    "--format <format>",
    "format of the file; by default from its name: .ndjson, .jsonl or .csv",
  ).choices(sourceFormats),
  rejected: createOption("--rejected <file>", "file for rows that are not imported (default: FILE.rejected.ndjson)"),
  resume: createOption("--resume", "continue an interrupted import of this file"),
  dryRun: createOption("--dry-run", "check every row on the server, and write nothing; needs the scope users.read"),
  maxDown: maxDownOption,
  json: createOption("--json", "print the summary as JSON"),
  ...csvOptions,
  ...connectionOptions,
};

const help = `
Rows that fail are listed, and kept in a file that you can correct and import; the exit status is then 1. If the server goes away,
the import waits for it. Ctrl-C stops the import (exit status 130), and --resume continues it.

Examples:
  rollcall import users.ndjson.gz --resume
  rollcall import people.csv --id-column user_id --map Mail=email --type logins=number
  rollcall import events.ndjson --format segment`;

export function importCommand() {
  const command = new Command("import")
    .description("import users from NDJSON, CSV, or another system's export; see docs/import.md")
    .argument("<file>", "the file (gzip if its name ends in .gz); - for standard input");
  return addOptions(command, options).addHelpText("after", help).action(runImport);
}

async function runImport(file: string, given: ValuesOf<typeof options>, command: CommandUnknownOpts): Promise<void> {
  await checkReadable(file);
  const { format = formatOf(file), idColumn, map, type: types, empty, delimiter, rejected, resume = false } = given;
  checkCsvOptions(command, csvOptions, format);
  const trim = given.trim === undefined ? "auto" : given.trim ? "always" : "never";
  await importFile({
    file,
    format,
    csv: { idColumn, map, types, empty, delimiter, trim },
    rejected,
    resume,
    connection: connectionTo(given),
    isDryRun: given.dryRun ?? false,
    json: given.json ?? false,
    maxDownSeconds: given.maxDown,
    signal: abortedBySignal(),
  });
}

/** For an option that is given once for each column. */
function parsePair<Value>(
  parse: (text: string) => Value,
): (text: string, before: ReadonlyMap<string, Value>) => ReadonlyMap<string, Value> {
  return (text, before) => {
    const at = text.indexOf("=");
    if (at < 1) throw new InvalidArgumentError("Expected COLUMN=….");
    return new Map([...before, [text.slice(0, at), parse(text.slice(at + 1))]]);
  };
}

function parseCellType(text: string): CellType {
  const type = cellTypes.find((known) => known === text);
  if (type === undefined) throw new InvalidArgumentError(`Expected one of ${cellTypes.join(", ")}.`);
  return type;
}

function parseDelimiter(text: string): string {
  const delimiter = text === "tab" ? "\t" : text;
  if (!/^[\t -~]$/.test(delimiter) || delimiter === '"')
    throw new InvalidArgumentError("Expected one ASCII character.");
  return delimiter;
}
