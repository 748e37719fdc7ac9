import type { JsonValue } from "@bufbuild/protobuf";
import { formatPath } from "../../../users/field-path.ts";
import { CliError } from "../../cli-error.ts";
import { onOneLine, repeatedName } from "./json-text.ts";
import { parseJson } from "./lines.ts";
import { Unreadable } from "./row.ts";

/** What the cells of a column are. */
export const cellTypes = ["string", "number", "boolean", "json"] as const;
export type CellType = (typeof cellTypes)[number];

export interface CsvOptions {
  /** The column with the users' ids. */
  readonly idColumn: string;
  /** The properties of columns that are not called so. */
  readonly map: ReadonlyMap<string, string>;
  /** The types of columns whose cells are no strings; `*` stands for the columns that are not named. */
  readonly types: ReadonlyMap<string, CellType>;
  /** What an empty cell means: nothing, or null. */
  readonly empty: "skip" | "null";
  /** One ASCII character. */
  readonly delimiter: string;
  /** Whether spaces around cells without quotes are no part of them; auto: where the header has some around its names. */
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
  /** By position; the id's is among them. */
  readonly all: readonly Column[];
  /** Whether some have numbers or JSON, which can be written in several ways. */
  readonly areTyped: boolean;
}

/**
 * What the columns of a header are.
 *
 * @throws CliError if they do not fit the options; no name from the header is quoted where it may be a row of values
 */
export function columnsOf(
  header: { readonly cells: readonly string[]; readonly isUtf8: boolean },
  options: CsvOptions,
  name: string,
): Columns {
  const { cells: names } = header;
  // Names in the header may have had spaces around them, which are gone.
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
      `the header has no column ${JSON.stringify(idColumn)}: --id-column names the one with the ids, --delimiter what is between columns`,
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
  // With the ids' column, it is a header and no row of values.
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

/** The text of a cell that can be read, as JSON has its value: with every digit of a number. */
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
