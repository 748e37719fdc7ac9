import { CliError } from "../../cli-error.ts";
import { readCsv } from "./csv.ts";
import type { CsvOptions } from "./csv-columns.ts";
import { readKnock } from "./knock.ts";
import { readNdjson } from "./ndjson.ts";
import type { Row } from "./row.ts";
import { readSegment } from "./segment.ts";
import { type OnOpen, readSource, sourceName } from "./source.ts";

/** The formats that users are read from. */
export const sourceFormats = ["ndjson", "csv", "segment", "knock"] as const;
export type SourceFormat = (typeof sourceFormats)[number];

/**
 * The format of a file by its name; standard input is NDJSON.
 *
 * @throws CliError if the name does not tell
 */
export function formatOf(path: string): SourceFormat {
  if (path === "-" || /\.(ndjson|jsonl)(\.gz)?$/i.test(path)) return "ndjson";
  if (/\.csv(\.gz)?$/i.test(path)) return "csv";
  throw new CliError(`the name of ${path} does not tell its format: --format does`);
}

/** The rows of a source, as many at a time as are read at once. The reader throws CliError if it cannot be read, or is not of the format. */
export function readRows(
  path: string,
  format: SourceFormat,
  csv: CsvOptions,
  onOpen?: OnOpen,
): AsyncGenerator<Iterable<Row>> {
  const chunks = readSource(path, onOpen);
  const name = sourceName(path);
  switch (format) {
    case "ndjson":
      return readNdjson(chunks, name);
    case "segment":
      return readSegment(chunks, name);
    case "knock":
      return readKnock(chunks, name);
    case "csv":
      return readCsv(chunks, name, csv);
  }
}
