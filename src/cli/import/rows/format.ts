import { CliError } from "../../cli-error.ts";
import { readCsv } from "./csv.ts";
import type { CsvOptions } from "./csv-columns.ts";
import { readKnock } from "./knock.ts";
import { readNdjson } from "./ndjson.ts";
import type { Row } from "./row.ts";
import { readSegment } from "./segment.ts";
import { type OnOpen, readSource, sourceName } from "./source.ts";

export const sourceFormats = ["ndjson", "csv", "segment", "knock"] as const;
export type SourceFormat = (typeof sourceFormats)[number];

/**
 * The format of a file, from its name; standard input is NDJSON.
 *
 * @throws CliError if the name tells none
 */
export function formatOf(path: string): SourceFormat {
  if (path === "-" || /\.(ndjson|jsonl)(\.gz)?$/i.test(path)) return "ndjson";
  if (/\.csv(\.gz)?$/i.test(path)) return "csv";
  throw new CliError(`the format of ${path} does not follow from its name: name it with --format`);
}

/** Reads the rows of a source, in groups. Throws CliError if the source cannot be read, or has another format. */
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
