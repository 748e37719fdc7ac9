import { Command, Option } from "commander";
import { printableJson, printableLines } from "../../config/invisible.ts";
import { checkCsvOptions, maxDownOption } from "../arguments.ts";
import { addServerOptions, createCaller, type ServerOptions } from "../call.ts";
import { CliError } from "../cli-error.ts";
import { damagedNotice } from "../output.ts";
import { say } from "../standard-streams.ts";
import { createCsvWriter, propertyNames } from "./csv.ts";
import { ndjsonOf } from "./ndjson.ts";
import { type Output, openOutput } from "./output.ts";
import { listPages } from "./pages.ts";
import { patiently } from "./patience.ts";

interface Options extends ServerOptions {
  readonly format?: "ndjson" | "csv";
  readonly properties?: readonly string[];
  readonly idColumn: string;
  readonly cells: "plain" | "json";
  readonly escapeFormulas?: boolean;
  readonly maxDown: number;
}

export function exportCommand(): Command {
  const command = new Command("export")
    .description("write all users to a file, as NDJSON or CSV; docs/import.md")
    .argument("[file]", "the file; .gz at the end of its name: compressed with gzip; - for standard output", "-")
    .addOption(
      new Option("--format <format>", "what to write; by default what the file's name says, else ndjson").choices([
        "ndjson",
        "csv",
      ]),
    )
    .option("--properties <names>", "only these properties, separated by commas; for CSV, the columns", splitNames)
    .option("--id-column <column>", "CSV: the column with the ids", "id")
    .addOption(
      new Option(
        "--cells <form>",
        "CSV: text as it is, or JSON in each cell, from which an import makes the same again",
      )
        .choices(["plain", "json"])
        .default("plain"),
    )
    .option("--escape-formulas", "CSV: put ' before what a spreadsheet takes for a formula")
    .addOption(maxDownOption("export"))
    .action(exportUsers);
  return addServerOptions(command).addHelpText(
    "after",
    `
The file has its name once it is whole, replaces one that has it, and may be read by its owner alone. A symbolic link stays,
and the file that it names is written. A pipe or a device is written into. When the server goes away, the export waits for it
and goes on.

Examples:
  rollcall export users.ndjson.gz
  rollcall export people.csv --properties name,email,plan`,
  );
}

/** Makes text of pages of users. */
interface Writer {
  readonly header: string;
  readonly lines: (users: Parameters<typeof ndjsonOf>[0]) => string;
  readonly incomplete: number;
}

async function exportUsers(file: string, options: Options, command: Command): Promise<void> {
  const { server, maxDown, properties = [] } = options;
  const format = options.format ?? (/\.csv(\.gz)?$/i.test(file) ? "csv" : "ndjson");
  checkCsvOptions(command, ["idColumn", "cells", "escapeFormulas"], format);
  const call = createCaller(options, patiently({ server, maxDownSeconds: maxDown, say }));
  const output = await openOutput(file, format === "ndjson" ? printableJson : printableLines);
  try {
    const writer: Writer =
      format === "ndjson"
        ? { header: "", lines: ndjsonOf, incomplete: 0 }
        : createCsvWriter({
            ...options,
            properties: properties.length > 0 ? properties : await propertyNames(listPages(call, [])),
            escapeFormulas: options.escapeFormulas ?? false,
          });
    let damaged = 0;
    const onDamaged = (more: number) => {
      damaged += more;
    };
    const count = await write(output, writer, listPages(call, properties, onDamaged));
    if (file !== "-") say(`${count} users are in ${file}`);
    if (damaged > 0) {
      say(damagedNotice(damaged));
      process.exitCode = 1;
    }
    if (writer.incomplete > 0) {
      say(`${writer.incomplete} users got new properties meanwhile, which are not in the file`);
    }
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

async function write(output: Output, writer: Writer, pages: ReturnType<typeof listPages>): Promise<number> {
  let count = 0;
  if (writer.header !== "") await output.write(writer.header);
  for await (const users of pages) {
    if (users.length > 0) await output.write(writer.lines(users));
    count += users.length;
  }
  await output.finish();
  return count;
}

function splitNames(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new CliError("--properties: expected names, separated by commas");
  return [...new Set(names)];
}
