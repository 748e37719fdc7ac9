import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { access, constants } from "node:fs/promises";
import { stdin } from "node:process";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { CliError } from "../../cli-error.ts";

/** Bytes read at a time. All rows of CSV in them are in memory at once. */
const chunkBytes = 32 * 1024;
/** The first bytes, which tell what a file is. */
const headBytes = 4;

/** The name of a source in messages. */
export function sourceName(path: string): string {
  return path === "-" ? "standard input" : path;
}

/** @throws CliError if the file does not exist, or may not be read */
export async function checkReadable(file: string): Promise<void> {
  if (file === "-") return;
  await access(file, constants.R_OK).catch((error: unknown) => {
    throw new CliError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  });
}

/** Called once a file is open, with a function that returns how many of its bytes have been read. */
export type OnOpen = (bytesRead: () => number) => void;

/**
 * The bytes of a text file without a byte-order mark, decompressed if its name ends in `.gz`. `-` is standard input.
 *
 * @throws CliError if it cannot be read, is not what its name says, or does not begin as text in UTF-8
 */
export async function* readSource(path: string, onOpen: OnOpen = () => {}): AsyncGenerator<Buffer> {
  const name = sourceName(path);
  const compressed = path.endsWith(".gz");
  const chunks = withHead(openSource(path, compressed, onOpen), (head) => head.length >= headBytes);
  try {
    let first = true;
    for await (const chunk of chunks) {
      yield first ? withoutMark(chunk, name) : chunk;
      first = false;
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`cannot read ${name}: ${readFailure(error, compressed)}`);
  }
}

function openSource(path: string, compressed: boolean, onOpen: OnOpen): Readable {
  const file = path === "-" ? stdin : createReadStream(path, { highWaterMark: chunkBytes });
  if ("bytesRead" in file) onOpen(() => file.bytesRead);
  if (!compressed) return file;
  // A failure on either side also fails the reader below.
  return pipeline(file, createGunzip({ chunkSize: chunkBytes }), () => {});
}

/**
 * The chunks of a source. The first ones are joined until they are enough to tell something.
 *
 * @param isEnough whether the joined chunks tell it; if they never do, the whole source becomes one chunk
 */
export async function* withHead(
  source: AsyncIterable<Buffer>,
  isEnough: (head: Buffer) => boolean,
): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of source) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (!isEnough(head)) continue;
    yield head;
    head = undefined;
  }
  if (head !== undefined && head.length > 0) yield head;
}

/** @throws CliError if the first chunk is not text in UTF-8 */
function withoutMark(chunk: Buffer, name: string): Buffer {
  const begins = (...bytes: number[]) => bytes.every((byte, index) => chunk[index] === byte);
  if (begins(0x1f, 0x8b)) {
    throw new CliError(`${name} is compressed with gzip: let its name end in .gz, or pipe it through gunzip`);
  }
  const encoding = otherEncoding(chunk);
  if (encoding !== undefined) {
    throw new CliError(`${name} is ${encoding}: save it as UTF-8, or pipe it through iconv -f ${encoding} -t UTF-8`);
  }
  const head = chunk.subarray(0, 1024);
  if (head.includes(0) && !isUtf8(head)) throw new CliError(`${name} is not a text file`);
  return begins(0xef, 0xbb, 0xbf) ? chunk.subarray(3) : chunk;
}

/** An encoding other than UTF-8, recognised by its byte-order mark or by zeros around the first characters. */
function otherEncoding(head: Buffer): string | undefined {
  const [a, b, c, d] = head;
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff))
    return "UTF-32";
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return "UTF-16";
  if (a && b === 0 && c && d === 0) return "UTF-16LE";
  if (a === 0 && b && c === 0 && d) return "UTF-16BE";
  return undefined;
}

function readFailure(error: unknown, compressed: boolean): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (compressed && code === "Z_BUF_ERROR") return "its compressed data ends too soon; the file may be incomplete";
  if (compressed && code === "Z_DATA_ERROR")
    return "its name ends in .gz, but it is not compressed with gzip, or is damaged";
  return error instanceof Error ? error.message : String(error);
}
