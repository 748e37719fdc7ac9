import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { stringify } from "csv-stringify/sync";
import type { User } from "#gen/rollcall/v1/user_pb.js";
import { CliError } from "../cli-error.ts";
import { withoutFormulas } from "./formulas.ts";

/** The most columns that are made where properties are not named. */
const maxColumns = 4_096;

export interface CsvExportOptions {
  /** The header of the column with the users' ids. */
  readonly idColumn: string;
  /** The properties, each a column. */
  readonly properties: readonly string[];
  /**
   * What a cell holds: text as it is and JSON for what is no text, where a property that is not there, null and empty
   * text are all an empty cell; or JSON throughout, where an empty cell is a property that is not there.
   */
  readonly cells: "plain" | "json";
  /** Puts a `'` before what a spreadsheet would take for a formula. An import does not take it away. */
  readonly escapeFormulas: boolean;
}

/** Makes CSV (RFC 4180) of users, line by line. */
export interface CsvWriter {
  readonly header: string;
  lines(users: readonly User[]): string;
  /** How many of the users had properties that have no column. */
  readonly incomplete: number;
}

/** @throws CliError if two columns would have the same name, or one none */
export function createCsvWriter({ idColumn, properties, cells, escapeFormulas }: CsvExportOptions): CsvWriter {
  const names = [idColumn, ...properties];
  const columns = new Set(names);
  if (columns.size < names.length) {
    throw new CliError("two columns have the same name: --id-column names the one with the ids");
  }
  if (columns.has("")) throw new CliError("a column has no name");
  const format = (records: string[][]) =>
    stringify(escapeFormulas ? records.map((record) => record.map(withoutFormulas)) : records, {
      // A lone carriage return ends a line for some readers, and some drop spaces around what has no quotes.
      quoted_match: /[\r\n]|^[ \t]|[ \t]$/,
    });
  const cell = cells === "json" ? (value: JsonValue) => JSON.stringify(value) : plainCell;
  const named = new Set(properties);
  let incomplete = 0;
  return {
    header: format([names]),
    lines(users) {
      const records = users.map(({ id, properties: all = {} }) => {
        if (hasOther(all, named)) incomplete++;
        return [id, ...properties.map((name) => (Object.hasOwn(all, name) ? cell(all[name] ?? null) : ""))];
      });
      return format(records);
    },
    get incomplete() {
      return incomplete;
    },
  };
}

function plainCell(value: JsonValue): string {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function hasOther(properties: JsonObject, named: ReadonlySet<string>): boolean {
  for (const name in properties) if (!named.has(name)) return true;
  return false;
}

/**
 * The names of all properties that users have, sorted.
 *
 * @throws CliError if they are more than a table can have columns
 */
export async function propertyNames(pages: AsyncIterable<readonly User[]>): Promise<readonly string[]> {
  const names = new Set<string>();
  for await (const users of pages) {
    for (const { properties = {} } of users) for (const name in properties) names.add(name);
    if (names.size > maxColumns) {
      throw new CliError(`users have more than ${maxColumns} different properties: --properties names those to export`);
    }
  }
  return [...names].sort();
}
