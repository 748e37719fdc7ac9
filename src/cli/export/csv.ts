import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { stringify } from "csv-stringify/sync";
import type { User } from "#gen/rollcall/v1/user_pb.js";
import { CliError } from "../cli-error.ts";
import { withoutFormulas } from "./formulas.ts";

/** Most columns of an export that names no properties. */
const maxColumns = 4_096;

export interface CsvExportOptions {
  /** The header of the column with the users' ids. */
  readonly idColumn: string;
  /** The properties, each a column. */
  readonly properties: readonly string[];
  /**
   * `plain`: text as it is, and JSON for other values. An empty cell is a missing property, null or empty text.
   * `json`: JSON in each cell. An empty cell is a missing property.
   */
  readonly cells: "plain" | "json";
  /** Puts a `'` before formulas of spreadsheets. An import does not remove it. */
  readonly escapeFormulas: boolean;
}

/** Writes users as CSV (RFC 4180). */
export interface CsvWriter {
  readonly header: string;
  lines(users: readonly User[]): string;
  /** How many users had properties without a column. */
  readonly incomplete: number;
}

/** @throws CliError if two columns have the same name, or one has none */
export function createCsvWriter({ idColumn, properties, cells, escapeFormulas }: CsvExportOptions): CsvWriter {
  const names = [idColumn, ...properties];
  const columns = new Set(names);
  if (columns.size < names.length) {
    throw new CliError("two columns have the same name: name the column with the ids otherwise with --id-column");
  }
  if (columns.has("")) throw new CliError("a column has no name");
  const format = (records: string[][]) =>
    stringify(escapeFormulas ? records.map((record) => record.map(withoutFormulas)) : records, {
      // For some readers, a lone carriage return ends a line; some drop spaces around cells without quotes.
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
 * The names of all properties of users, sorted.
 *
 * @throws CliError if there are too many for columns
 */
export async function propertyNames(pages: AsyncIterable<readonly User[]>): Promise<readonly string[]> {
  const names = new Set<string>();
  for await (const users of pages) {
    for (const { properties = {} } of users) for (const name in properties) names.add(name);
    if (names.size > maxColumns) {
      throw new CliError(
        `users have more than ${maxColumns} different properties: name those to export with --properties`,
      );
    }
  }
  return [...names].sort();
}
