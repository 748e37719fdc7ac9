import type { JsonObject } from "@bufbuild/protobuf";
import { type Columns, type CsvOptions, cellJson, cellValue } from "./csv-columns.ts";
import { type Member, objectText } from "./json-text.ts";
import { invalid, type Row, Unreadable } from "./row.ts";

/** A record of a CSV file, decoded as UTF-8. */
export interface CsvRecord {
  readonly cells: readonly string[];
  /** Whether its bytes were UTF-8; if not, replacement characters stand for the others. */
  readonly isUtf8: boolean;
  /** Where it ends. */
  readonly line: number;
}

const replacement = "\ufffd";

export function rowOf(record: CsvRecord, columns: Columns, options: CsvOptions): Row {
  const { cells, line } = record;
  if (cells.length !== columns.all.length) {
    const kept = JSON.stringify({ row: cells });
    const hint = cells.some((text) => text.includes("\r"))
      ? "; a carriage return alone does not end a record here, because the header does not end with one"
      : "";
    return invalid(line, `has ${cells.length} cells; the header has ${columns.all.length}${hint}`, kept);
  }
  const properties: JsonObject = Object.create(null);
  try {
    for (let index = 0; index < cells.length; index++) readCell(properties, index, record, columns, options);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return unreadable(record, columns, options);
  }
  const id = cells[columns.idIndex] ?? "";
  if (!columns.areTyped) return { kind: "user", line, id, properties };
  return { kind: "user", line, id, properties, original: () => asNdjson(record, columns, options, []) };
}

/** @throws Unreadable if the cell is not of its column's type */
function readCell(
  properties: JsonObject,
  index: number,
  { cells, isUtf8 }: CsvRecord,
  { all, idIndex }: Columns,
  { empty }: CsvOptions,
): void {
  const text = cells[index];
  const column = all[index];
  if (text === undefined || column === undefined) return;
  if (!isUtf8 && text.includes(replacement)) throw new Unreadable("is not UTF-8", column.field);
  if (index === idIndex) {
    if (text === "") throw new Unreadable("is required", column.field);
  } else if (text !== "") properties[column.property] = cellValue(text, column);
  else if (empty === "null") properties[column.property] = null;
}

/** A record with unreadable cells: they are kept as text in `row`, the others as properties. */
function unreadable(record: CsvRecord, columns: Columns, options: CsvOptions): Row {
  const unread: number[] = [];
  let first: Unreadable | undefined;
  for (const index of columns.all.keys()) {
    try {
      readCell({}, index, record, columns, options);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      unread.push(index);
      first ??= error;
    }
  }
  const kept = asNdjson(record, columns, options, unread);
  return invalid(record.line, first?.message ?? "cannot be read", kept, first?.field);
}

/**
 * The record as a row of NDJSON, with each value as the file writes it.
 *
 * @param unread positions of the unreadable cells, which go into `row`
 */
function asNdjson(
  { cells }: CsvRecord,
  { all, idIndex }: Columns,
  { empty }: CsvOptions,
  unread: readonly number[],
): string {
  const id: Member[] = [];
  const properties: Member[] = [];
  const row: Member[] = [];
  for (const [index, column] of all.entries()) {
    const text = cells[index] ?? "";
    if (unread.includes(index)) row.push([index === idIndex ? "id" : column.property, JSON.stringify(text)]);
    else if (index === idIndex) id.push(["id", JSON.stringify(text)]);
    else if (text !== "") properties.push([column.property, cellJson(text, column)]);
    else if (empty === "null") properties.push([column.property, "null"]);
  }
  const rest: Member[] = row.length > 0 ? [["row", objectText(row)]] : [];
  return objectText([...id, ["properties", objectText(properties)], ...rest]);
}
