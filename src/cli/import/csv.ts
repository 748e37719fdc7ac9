import { pipeline } from "node:stream";
import type { JsonObject } from "@bufbuild/protobuf";
import { parse } from "csv-parse";
import { CliError } from "../cli-error.ts";
import { type Columns, type CsvOptions, cellValue, columnsOf, decoded } from "./csv-columns.ts";
import { invalid, maxRowBytes, type Row, Unreadable } from "./row.ts";

/** What comes out of the parser: a record and the line where it ends, or why it cannot be read. */
type Parsed =
  | { readonly record: readonly string[]; readonly info: { readonly lines: number } }
  | { readonly bad: string; readonly line: number };

/**
 * Reads users from CSV (RFC 4180) with a header: a column with the ids, each other one a property. The place of a user is
 * the line where its record ends.
 *
 * @throws CliError if the header does not fit the options, or a record is longer than a row may be, as where a quote is
 *   opened and not closed
 */
export async function* readCsv(chunks: AsyncIterable<Buffer>, name: string, options: CsvOptions): AsyncGenerator<Row> {
  let columns: Columns | undefined;
  let badLine = 0;
  for await (const parsed of records(chunks, name, options.delimiter)) {
    if ("record" in parsed) {
      if (columns === undefined) columns = columnsOf(parsed.record, options, name);
      else yield rowOf(parsed.record, parsed.info.lines, columns, options);
    } else {
      if (columns === undefined) throw new CliError(`${name}:${parsed.line}: the header cannot be read: ${parsed.bad}`);
      // One record can have several misplaced quotes.
      if (parsed.line !== badLine) yield invalid(parsed.line, parsed.bad);
      badLine = parsed.line;
    }
  }
  if (columns === undefined) throw new CliError(`${name} has no header: the names of its columns`);
}

/** Records in bytes, each in a character: so that what is not UTF-8 is seen where it is. */
function records(chunks: AsyncIterable<Buffer>, name: string, delimiter: string): AsyncIterable<Parsed> {
  const parser = parse({
    encoding: "latin1",
    delimiter,
    record_delimiter: ["\r\n", "\n"],
    relax_column_count: true,
    skip_empty_lines: true,
    info: true,
    max_record_size: maxRowBytes,
    skip_records_with_error: true,
    on_skip: (error) => {
      // The parser's own messages quote what they are about.
      const line = parser.info.lines;
      if (error?.code === "CSV_MAX_RECORD_SIZE") {
        throw new CliError(`${name}:${line}: a record has more than ${maxRowBytes} bytes: is a quote not closed?`);
      }
      const never = error?.code === "CSV_QUOTE_NOT_CLOSED";
      parser.push({
        line,
        bad: never ? "a quote is opened and never closed" : "a quote stands in the middle of a cell",
      });
      return undefined;
    },
  });
  return pipeline(chunks, parser, () => {});
}

function rowOf(record: readonly string[], line: number, columns: Columns, { empty }: CsvOptions): Row {
  const { idIndex, all } = columns;
  const cells = record.map(decoded);
  const unreadable: JsonObject = {};
  let fault: { readonly reason: string; readonly field: string } | undefined;
  let size = 0;
  if (cells.length !== all.length) {
    const row = cells.map((cell, index) => cell ?? record[index] ?? "");
    return invalid(line, `has ${cells.length} cells; the header has ${all.length}`, { row });
  }
  const properties: JsonObject = Object.create(null);
  for (const [index, { property, type, field }] of all.entries()) {
    const bytes = record[index] ?? "";
    const text = cells[index];
    size += bytes.length + property.length;
    try {
      if (text === undefined) throw new Unreadable("is not UTF-8", field);
      if (index === idIndex) {
        if (text === "") throw new Unreadable("is required", field);
      } else if (text !== "") {
        properties[property] = cellValue(text, type, field);
      } else if (empty === "null") {
        properties[property] = null;
      }
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      unreadable[index === idIndex ? "id" : property] = text ?? bytes;
      fault ??= { reason: error.message, field };
    }
  }
  const id = cells[idIndex] ?? "";
  if (fault === undefined) return { kind: "user", line, size, id, properties };
  return invalid(line, fault.reason, { ...(id !== "" && { id }), properties, row: unreadable }, fault.field);
}
