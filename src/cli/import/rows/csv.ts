import { type CsvError, type Parser, parse } from "csv-parse";
import { CliError } from "../../cli-error.ts";
import { CellSpaces } from "./cell-spaces.ts";
import { type Columns, type CsvOptions, columnsOf } from "./csv-columns.ts";
import { type CsvLayout, layoutOf } from "./csv-layout.ts";
import { rowOf } from "./csv-record.ts";
import { invalid, maxRowBytes, type Row } from "./row.ts";
import { withHead } from "./source.ts";
import { Utf8Faults } from "./utf8-faults.ts";

/**
 * Reads users from CSV (RFC 4180) with a header: one column has the ids, each other one is a property. A user's line is the one
 * where its record ends. Records end with a line feed, or with a carriage return if the header does.
 *
 * @throws CliError if the header does not fit the options, or a record is longer than a row may be, often for an unclosed quote
 */
export async function* readCsv(
  chunks: AsyncIterable<Buffer>,
  name: string,
  options: CsvOptions,
): AsyncGenerator<Iterable<Row>> {
  const delimiter = options.delimiter.charCodeAt(0);
  const isEnough = (head: Buffer) => head.length > maxRowBytes || layoutOf(head, delimiter, false) !== undefined;
  let reader: CsvReader | undefined;
  for await (const chunk of withHead(chunks, isEnough)) {
    reader ??= new CsvReader(name, options, layoutOf(chunk, delimiter, true));
    yield await reader.read(chunk);
    reader.check();
  }
  reader ??= new CsvReader(name, options, undefined);
  yield await reader.end();
  reader.check();
}

const unixLayout: CsvLayout = { endsWithCarriageReturns: false, hasSpaces: false };

class CsvReader {
  readonly #name: string;
  readonly #options: CsvOptions;
  readonly #parser: Parser;
  readonly #utf8Faults = new Utf8Faults();
  readonly #layout: CsvLayout;
  readonly #spaces: CellSpaces;
  #failure: Error | undefined;
  #columns: Columns | undefined;
  /** Rows that have not been taken yet. */
  #rows: Row[] = [];
  /** The last line reported as unreadable: a record can have several misplaced quotes. */
  #badLine = 0;
  /** How many lines the parser has counted too many. */
  #miscounted = 0;

  constructor(name: string, options: CsvOptions, layout = unixLayout) {
    const { delimiter, trim } = options;
    const trims = trim === "always" || (trim === "auto" && layout.hasSpaces);
    this.#name = name;
    this.#options = options;
    this.#layout = layout;
    this.#spaces = new CellSpaces(delimiter.charCodeAt(0), trims, layout);
    // Each record becomes a row at once: passing it through a stream costs as much as parsing it.
    this.#parser = parse({
      delimiter,
      record_delimiter: layout.endsWithCarriageReturns ? ["\r\n", "\n", "\r"] : ["\r\n", "\n"],
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: maxRowBytes,
      skip_records_with_error: true,
      on_record: (cells: readonly string[]) => {
        this.#add(cells);
        return null;
      },
      on_skip: (error) => {
        this.#skip(error);
        return undefined;
      },
    });
    this.#parser.on("error", () => {});
  }

  /** @returns the rows that end in the chunk */
  read(chunk: Buffer): Promise<readonly Row[]> {
    const bytes = this.#spaces.push(chunk);
    this.#utf8Faults.push(bytes);
    return this.#rowsOnce((done) => this.#parser.write(bytes, done));
  }

  /** @returns the last row, if no line end follows it */
  end(): Promise<readonly Row[]> {
    const bytes = this.#spaces.end();
    this.#utf8Faults.push(bytes);
    this.#utf8Faults.end();
    return this.#rowsOnce((done) => this.#parser.end(bytes, done));
  }

  /** @throws CliError if the rest of the source cannot be read, or the source ended without a header */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#parser.writableFinished && this.#columns === undefined) {
      throw new CliError(`${this.#name} has no header: the names of its columns`);
    }
  }

  #rowsOnce(work: (done: (error?: Error | null) => void) => void): Promise<readonly Row[]> {
    return new Promise((resolve) => {
      work((error) => {
        this.#failure = error ?? undefined;
        const rows = this.#rows;
        this.#rows = [];
        resolve(rows);
      });
    });
  }

  #add(cells: readonly string[]): void {
    const { bytes } = this.#parser.info;
    for (const cell of cells) this.#miscounted += miscountedLines(cell, this.#layout);
    const line = this.#line();
    const record = { cells, line, isUtf8: !this.#utf8Faults.takeBefore(bytes) };
    if (this.#columns === undefined) this.#columns = columnsOf(record, this.#options, this.#name);
    else this.#rows.push(rowOf(record, this.#columns, this.#options));
  }

  #line(): number {
    return this.#parser.info.lines - this.#miscounted;
  }

  #skip(error: CsvError | undefined): void {
    const line = this.#line();
    // The parser's own messages quote values.
    if (error?.code === "CSV_MAX_RECORD_SIZE") {
      throw new CliError(`${this.#name}:${line}: a record has more than ${maxRowBytes} bytes: is a quote not closed?`);
    }
    const isOpen = error?.code === "CSV_QUOTE_NOT_CLOSED";
    const bad = isOpen ? "a quote is opened and never closed" : "a quote stands in the middle of a cell";
    if (this.#columns === undefined) throw new CliError(`${this.#name}:${line}: the header cannot be read: ${bad}`);
    if (line !== this.#badLine) this.#rows.push(invalid(line, bad));
    this.#badLine = line;
  }
}

/** Inside quotes, the parser counts a carriage return and its line feed as two lines. */
function miscountedLines(cell: string, { endsWithCarriageReturns }: CsvLayout): number {
  if (!cell.includes("\r")) return 0;
  return cell.split(endsWithCarriageReturns ? "\r\n" : "\r").length - 1;
}
