import { isUtf8 } from "node:buffer";
import type { JsonValue } from "@bufbuild/protobuf";
import { CliError } from "../../cli-error.ts";
import { onOneLine } from "./json-text.ts";
import { carriageReturn, lineEndOf, lineFeed } from "./line-ends.ts";
import { invalid, maxRowBytes, type Row, tooLong } from "./row.ts";
import { withHead } from "./source.ts";

/**
 * Makes rows of one line with a JSON value.
 *
 * @param text the line, without line ends
 */
export type LineReader = (value: JsonValue, line: number, text: string) => readonly Row[];

/**
 * Reads a source with a JSON value on each line; blank lines are skipped. Lines end with a line feed, or all with a carriage
 * return if the first one does. Lines that are too long, not UTF-8 or not JSON become invalid rows. At most one line is in
 * memory.
 *
 * @throws CliError if the first line does not begin with an object
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  name: string,
  read: LineReader,
): AsyncGenerator<Iterable<Row>> {
  let line = 0;
  let begun = false;
  let lineEnd: number | undefined;
  // The beginning of a line that has not ended yet; dropped once it is too long.
  let pieces: Buffer[] = [];
  let pieceBytes = 0;

  const rowsOf = (last: Buffer): readonly Row[] => {
    line++;
    const size = pieceBytes + last.length;
    const bytes = pieceBytes === 0 ? last : Buffer.concat([...pieces, last]);
    pieces = [];
    pieceBytes = 0;
    if (size > maxRowBytes) return [tooLong(line, size)];
    const text = bytes.toString("utf8", 0, bytes.at(-1) === carriageReturn ? size - 1 : size);
    if (text.trim() === "") return [];
    if (!begun && !text.trimStart().startsWith("{")) {
      throw new CliError(`${name} has no JSON object on line ${line}: name its format with --format`);
    }
    begun = true;
    if (!isUtf8(bytes)) return [invalid(line, "the line is not UTF-8", unreadRow(text))];
    const value = parseJson(text);
    if (value === undefined) return [invalid(line, "the line is not JSON", unreadRow(text))];
    return read(value, line, onOneLine(text));
  };

  // A line is parsed only when its row is taken, so that one row at a time is in memory.
  function* rowsIn(chunk: Buffer): Generator<Row> {
    let from = 0;
    // If the first chunk does not tell, it is one line: the whole source, or one that is too long.
    lineEnd ??= lineEndOf(chunk) ?? (chunk.includes(carriageReturn) ? carriageReturn : lineFeed);
    for (let to = chunk.indexOf(lineEnd); to !== -1; to = chunk.indexOf(lineEnd, from)) {
      yield* rowsOf(chunk.subarray(from, to));
      from = to + 1;
    }
    const rest = chunk.subarray(from);
    pieceBytes += rest.length;
    if (pieceBytes > maxRowBytes) pieces = [];
    else if (rest.length > 0) pieces.push(rest);
  }

  const isEnough = (head: Buffer) => head.length > maxRowBytes || lineEndOf(head) !== undefined;
  for await (const chunk of withHead(chunks, isEnough)) yield rowsIn(chunk);
  if (pieceBytes > 0) yield rowsOf(Buffer.alloc(0));
}

/** The rejected row of a text that is not JSON. */
export function unreadRow(text: string): string {
  return JSON.stringify({ row: text });
}

/** @returns undefined if the text is not JSON */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
