import type { CsvOptions } from "../../src/cli/import/rows/csv-columns.ts";
import { defaultCsvOptions } from "../../src/cli/import/rows/csv-columns.ts";
import { formatOf, readRows, type SourceFormat } from "../../src/cli/import/rows/format.ts";
import type { Row } from "../../src/cli/import/rows/row.ts";
import { fileWith } from "./files.ts";

export interface ReadOptions extends Partial<CsvOptions> {
  readonly format?: SourceFormat;
}

/** The rows of a file, as an import reads them. */
export function readFile(path: string, { format, ...csv }: ReadOptions = {}): AsyncGenerator<Iterable<Row>> {
  return readRows(path, format ?? formatOf(path), { ...defaultCsvOptions, ...csv });
}

/** The rows of a file with this content. */
export function rowsOf(content: string | Buffer, name: string, options: ReadOptions = {}): Promise<Row[]> {
  return collectAll(readFile(fileWith(content, name), options));
}

export async function collectAll<Item>(batches: AsyncIterable<Iterable<Item>>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const items of batches) all.push(...items);
  return all;
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}
