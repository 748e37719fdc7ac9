import type { JsonObject } from "@bufbuild/protobuf";
import { type Columns, type CsvOptions, cellValue } from "./csv-columns.ts";
import { invalid, type Row, Unreadable } from "./row.ts";

/** A record of a CSV file, whose cells have been decoded as UTF-8. */
export interface CsvRecord {
  readonly cells: readonly string[];
  /** Whether its bytes are UTF-8: where they are not, replacement characters stand for what is not. */
  readonly isUtf8: boolean;
  /** Where it ends. */
  readonly line: number;
}

const replacement = "\ufffd";

/** The row that a record is. */
export function rowOf(record: CsvRecord, columns: Columns, options: CsvOptions): Row {
  const { cells, line } = record;
  if (cells.length !== columns.all.length) {
    return invalid(line, `has ${cells.length} cells; the header has ${columns.all.length}`, { row: [...cells] });
  }
  const properties: JsonObject = Object.create(null);
  try {
    for (let index = 0; index < cells.length; index++) readCell(properties, index, record, columns, options);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return unreadable(record, columns, options);
  }
  return { kind: "user", line, id: cells[columns.idIndex] ?? "", properties };
}

/** @throws Unreadable if the cell is not what its column says */
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

/** A record with cells that cannot be read: these as they are, and the others as properties. */
function unreadable(record: CsvRecord, columns: Columns, options: CsvOptions): Row {
  const { cells, line } = record;
  const { all, idIndex } = columns;
  const properties: JsonObject = Object.create(null);
  const row: JsonObject = {};
  let first: Unreadable | undefined;
  for (const [index, { property }] of all.entries()) {
    try {
      readCell(properties, index, record, columns, options);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      row[index === idIndex ? "id" : property] = cells[index] ?? "";
      first ??= error;
    }
  }
  const id = cells[idIndex] ?? "";
  const hasId = !("id" in row) && id !== "";
  return invalid(line, first?.message ?? "cannot be read", { ...(hasId && { id }), properties, row }, first?.field);
}
