import { Command, type CommandUnknownOpts, createOption } from "@commander-js/extra-typings";
import { addOptions, groupOptions, type ValuesOf } from "../../config/declare-options.ts";
import { printableJson, printableLines } from "../../config/invisible.ts";
import { clientOptions } from "../../config/options.ts";
import { checkCsvOptions, maxDownOption } from "../arguments.ts";
import { createCaller } from "../call.ts";
import { CliError } from "../cli-error.ts";
import { reportDamaged } from "../output.ts";
import { filterOf, filterOptions } from "../search/filter.ts";
import { say } from "../standard-streams.ts";
import { createCsvWriter, propertyNames } from "./csv.ts";
import { ndjsonOf } from "./ndjson.ts";
import { type Output, openOutput } from "./output.ts";
import { userPages } from "./pages.ts";
import { patiently } from "./patience.ts";

const csvOptions = groupOptions("CSV:", {
  idColumn: createOption("--id-column <column>", "name of the column with the ids").default("id"),
  cells: createOption(
    "--cells <form>",
    "text as it is (plain), or JSON in each cell, which an import reads back unchanged",
  )
    .choices(["plain", "json"])
    .default("plain"),
  escapeFormulas: createOption("--escape-formulas", "put ' before anything that a spreadsheet could run as a formula"),
});

const options = {
  format: createOption("--format <format>", "format to write; by default from the file's name, else ndjson").choices([
    "ndjson",
    "csv",
  ]),
  properties: createOption(
    "--properties <names>",
    "only these properties, separated by commas; in CSV, the columns",
  ).argParser(splitNames),
  maxDown: maxDownOption,
  ...filterOptions,
  ...csvOptions,
  ...clientOptions,
};

const help = `
The file gets its name, and replaces an older one, once it is complete; only its owner may read it. A symbolic link stays, and
its target is replaced. Pipes and devices are written directly. If the server goes away, the export waits for it.

--where compares whole values. With several conditions, users meet all of them. If there is no such user, the file has none, and the
exit status is 0.

Examples:
  rollcall export users.ndjson.gz
  rollcall export pro.ndjson --where plan=pro --updated-after 2026-11-01
  rollcall export people.csv --properties name,email,plan`;

export function exportCommand() {
  const command = new Command("export")
    .description("write users to a file, as NDJSON or CSV; see docs/import.md")
    .argument("[file]", "the file (gzip if its name ends in .gz); - for standard output", "-");
  return addOptions(command, options).addHelpText("after", help).action(exportUsers);
}

interface Writer {
  readonly header: string;
  readonly lines: (users: Parameters<typeof ndjsonOf>[0]) => string;
  readonly incomplete: number;
}

async function exportUsers(file: string, given: ValuesOf<typeof options>, command: CommandUnknownOpts): Promise<void> {
  const { server, maxDown, properties = [] } = given;
  const filter = filterOf(given);
  const format = given.format ?? (/\.csv(\.gz)?$/i.test(file) ? "csv" : "ndjson");
  checkCsvOptions(command, csvOptions, format);
  const call = createCaller(given, patiently({ server, maxDownSeconds: maxDown, say }));
  const output = await openOutput(file, format === "ndjson" ? printableJson : printableLines);
  try {
    const writer: Writer =
      format === "ndjson"
        ? { header: "", lines: ndjsonOf, incomplete: 0 }
        : createCsvWriter({
            ...given,
            properties: properties.length > 0 ? properties : await propertyNames(userPages(call, { filter })),
            escapeFormulas: given.escapeFormulas ?? false,
          });
    let damaged = 0;
    const onDamaged = (more: number) => {
      damaged += more;
    };
    const count = await write(output, writer, userPages(call, { filter, only: properties, onDamaged }));
    if (file !== "-") say(`${count} users are in ${file}`);
    reportDamaged(damaged);
    if (writer.incomplete > 0) {
      say(`${writer.incomplete} users got new properties meanwhile, which the file lacks`);
    }
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

async function write(output: Output, writer: Writer, pages: ReturnType<typeof userPages>): Promise<number> {
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
