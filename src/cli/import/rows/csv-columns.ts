import type { JsonValue } from "@bufbuild/protobuf";
import { formatPath } from "../../../users/field-path.ts";
import { CliError } from "../../cli-error.ts";
import { onOneLine, repeatedName } from "./json-text.ts";
import { parseJson } from "./lines.ts";
import { Unreadable } from "./row.ts";

/** Types of a column's cells. */
export const cellTypes = ["string", "number", "boolean", "json"] as const;
export type CellType = (typeof cellTypes)[number];

export interface CsvOptions {
  /** Name of the column with the ids. */
  readonly idColumn: string;
  /** Properties by column, where their names differ. */
  readonly map: ReadonlyMap<string, string>;
  /** Types by column, where they are not strings; `*` stands for all other columns. */
  readonly types: ReadonlyMap<string, CellType>;
  /** Whether an empty cell is skipped, or stored as null. */
  readonly empty: "skip" | "null";
  /** One ASCII character. */
  readonly delimiter: string;
  /** Whether to drop spaces around cells without quotes; auto: if the header has spaces around its names. */
  readonly trim: "auto" | "always" | "never";
}

export const defaultCsvOptions: CsvOptions = {
  idColumn: "id",
  map: new Map(),
  types: new Map(),
  empty: "skip",
  delimiter: ",",
  trim: "auto",
};

interface Column {
  readonly property: string;
  readonly type: CellType;
  /** The property, as messages show it. */
  readonly field: string;
}

export interface Columns {
  readonly idIndex: number;
  /** By position, with the column of the ids. */
  readonly all: readonly Column[];
  /** Whether there are numbers or JSON, which have several spellings. */
  readonly areTyped: boolean;
}

/**
 * Reads the columns from a header.
 *
 * @throws CliError if they do not fit the options; the message quotes no name of what may be a row of values
 */
export function columnsOf(
  header: { readonly cells: readonly string[]; readonly isUtf8: boolean },
  options: CsvOptions,
  name: string,
): Columns {
  const { cells: names } = header;
  // Spaces around names in the header have been dropped.
  const named = (column: string) => (names.includes(column) ? column : column.trim());
  const idColumn = named(options.idColumn);
  const map = new Map([...options.map].map(([column, property]) => [named(column), property]));
  const types = new Map([...options.types].map(([column, type]) => [named(column), type]));
  const fail = (what: string) => new CliError(`${name}: ${what}`);
  if (!header.isUtf8) throw fail("the header is not UTF-8: save the file as UTF-8");
  const unnamed = names.indexOf("");
  if (unnamed !== -1) throw fail(`column ${unnamed + 1} of the header has no name`);
  const idIndex = names.indexOf(idColumn);
  if (idIndex === -1) {
    throw fail(
      `the header has no column ${JSON.stringify(idColumn)}: name the column with the ids with --id-column, or the character between cells with --delimiter`,
    );
  }
  for (const column of [...map.keys(), ...types.keys()]) {
    if (column !== "*" && !names.includes(column)) throw fail(`the header has no column ${JSON.stringify(column)}`);
  }
  const all = names.map((column, index) => {
    const property = map.get(column) ?? column;
    const field = index === idIndex ? "id" : formatPath("properties", [property]);
    return { property, type: types.get(column) ?? types.get("*") ?? "string", field };
  });
  // It has the column with the ids, so it is a header and not a row of values.
  for (const [index, column] of names.entries()) {
    const first = names.indexOf(column);
    if (first < index)
      throw fail(`columns ${first + 1} and ${index + 1} of the header are both ${JSON.stringify(column)}`);
  }
  const seen = new Map<string, number>();
  for (const [index, { property }] of all.entries()) {
    if (index === idIndex) continue;
    const first = seen.get(property);
    if (first !== undefined) {
      throw fail(
        `columns ${first + 1} and ${index + 1} of the header are both the property ${JSON.stringify(property)}`,
      );
    }
    seen.set(property, index);
  }
  return { idIndex, all, areTyped: all.some(({ type }) => type === "number" || type === "json") };
}

/** @throws Unreadable if the text is not of the type */
export function cellValue(text: string, { type, field }: Column): JsonValue {
  switch (type) {
    case "string":
      return text;
    case "number":
      return readNumber(text.trim(), field);
    case "boolean":
      if (!/^\s*(true|false)\s*$/i.test(text)) throw new Unreadable("is not true or false", field);
      return text.trim().toLowerCase() === "true";
    case "json": {
      const value = parseJson(text);
      if (value === undefined) throw new Unreadable("is not JSON", field);
      if (repeatedName(text, value) !== undefined) throw new Unreadable("repeats a name", field);
      return value;
    }
  }
}

/** The JSON of a readable cell, with every digit of a number. */
export function cellJson(text: string, { type }: Column): string {
  switch (type) {
    case "string":
      return JSON.stringify(text);
    case "number":
      return isJsonNumber(text.trim()) ? text.trim() : JSON.stringify(Number(text));
    case "boolean":
      return text.trim().toLowerCase();
    case "json":
      return onOneLine(text.trim());
  }
}

function isJsonNumber(text: string): boolean {
  return /^-?(0|[1-9]\d*)(\.\d+)?(e[-+]?\d+)?$/i.test(text);
}

function readNumber(text: string, field: string): number {
  const value = Number(text);
  if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) || !Number.isFinite(value)) {
    throw new Unreadable("is not a number", field);
  }
  return value;
}
