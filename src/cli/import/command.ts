import { Command, InvalidArgumentError, Option } from "commander";
import { checkCsvOptions, maxDownOption } from "../arguments.ts";
import { addConnectionOptions, type ConnectionArguments } from "../call.ts";
import { abortedBySignal } from "../stop-signals.ts";
import { type CellType, cellTypes, defaultCsvOptions } from "./csv-columns.ts";
import { formatOf, type SourceFormat, sourceFormats } from "./format.ts";
import { importFile } from "./import-file.ts";
import { checkReadable } from "./source.ts";

interface Options extends ConnectionArguments {
  readonly format?: SourceFormat;
  readonly idColumn: string;
  readonly map: ReadonlyMap<string, string>;
  readonly type: ReadonlyMap<string, CellType>;
  readonly empty: "skip" | "null";
  readonly delimiter: string;
  /** Undefined where neither --trim nor --no-trim is given. */
  readonly trim?: boolean;
  readonly rejected?: string;
  readonly resume?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly maxDown: number;
}

export function importCommand(): Command {
  const { idColumn, map, types, empty, delimiter } = defaultCsvOptions;
  const command = new Command("import")
    .description("import users from a file: NDJSON, CSV, or what other systems write; docs/import.md")
    .argument("<file>", "the file; .gz at the end of its name: compressed with gzip; - for standard input")
    .addOption(
      new Option(
        "--format <format>",
        "what the file is; by default what its name says: .ndjson, .jsonl or .csv",
      ).choices(sourceFormats),
    )
    .option("--id-column <column>", "CSV: the column with the ids", idColumn)
    .addOption(
      new Option("--map <column=property>", "CSV: the property that a column is; repeatable")
        .default(map, "the column's name")
        .argParser(parsePair((property) => property)),
    )
    .addOption(
      new Option(
        "--type <column=type>",
        `CSV: what a column's cells are: ${cellTypes.join(", ")}; repeatable, * for the other columns`,
      )
        .default(types, "string")
        .argParser(parsePair(parseCellType)),
    )
    .addOption(
      new Option("--empty <how>", "CSV: whether an empty cell is no property, or null")
        .choices(["skip", "null"])
        .default(empty),
    )
    .addOption(
      new Option("--delimiter <character>", "CSV: what is between cells; tab for a tab")
        .default(delimiter)
        .argParser(parseDelimiter),
    )
    .option("--trim", "CSV: drop spaces around cells; by default where the header has some around its names")
    .option("--no-trim", "CSV: keep spaces around cells, except around quotes")
    .option("--rejected <file>", "where rows that are not imported go (default: FILE.rejected.ndjson)")
    .option("--resume", "go on where an import of this file was interrupted, if one was")
    .option("--dry-run", "let the server say what would be, and write nothing; needs the scope users.read")
    .addOption(maxDownOption("import"))
    .option("--json", "print the summary as JSON");
  return addConnectionOptions(command)
    .addHelpText(
      "after",
      `
Rows that fail are listed, and kept in a file that can be mended and imported; the exit status is then 1. When the server goes
away, the import waits for it and goes on. Ctrl-C stops it (exit status 130), and --resume goes on from there.

Examples:
  rollcall import users.ndjson.gz --resume
  rollcall import people.csv --id-column user_id --map Mail=email --type logins=number
  rollcall import events.ndjson --format segment`,
    )
    .action(async (file: string, options: Options, command: Command) => {
      await checkReadable(file);
      const format = options.format ?? formatOf(file);
      checkCsvOptions(command, ["idColumn", "map", "type", "empty", "delimiter", "trim"], format);
      const { rejected, resume = false, idColumn, map, type: types, empty, delimiter } = options;
      const { dryRun: isDryRun = false, json = false, maxDown: maxDownSeconds } = options;
      const trim = options.trim === undefined ? "auto" : options.trim ? "always" : "never";
      const csv = { idColumn, map, types, empty, delimiter, trim } as const;
      const signal = abortedBySignal();
      return importFile({
        ...{ file, format, rejected, resume, csv, isDryRun, json, maxDownSeconds, signal },
        connection: options,
      });
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
