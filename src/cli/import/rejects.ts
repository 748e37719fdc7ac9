import { access, constants, type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { TimestampSchema, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { UserToImport } from "../../client/index.ts";
import { CliError } from "../cli-error.ts";
import { type Destination, destinationAt, openStream, writeFailure } from "../destination.ts";
import { membersOf, objectText } from "./rows/json-text.ts";
import type { InvalidRow } from "./rows/row.ts";

/** Why a row was not imported. */
export interface Rejection {
  readonly code: string;
  readonly reason: string;
  readonly field?: string;
  readonly message: string;
  readonly violations?: readonly { readonly field: string; readonly reason: string; readonly description: string }[];
}

/** What is buffered before it is written. */
const maxBufferedBytes = 64 * 1024;

/**
 * A file for the rows that were not imported, in a form that can be mended and imported again: NDJSON, each row with why
 * in `rejected`. It is made with the first of them, and only its owner may read it. A pipe or a device is written into.
 */
export class Rejects {
  /** As it was named; undefined where nothing is kept. */
  readonly path: string | undefined;
  readonly #destination: Destination | undefined;
  /** How many bytes have been given to it. */
  #length: number;
  #file: FileHandle | undefined;
  #buffered: string[] = [];
  #bufferedBytes = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string | undefined, destination: Destination | undefined, length: number) {
    this.path = path;
    this.#destination = destination;
    this.#length = length;
  }

  /**
   * @param resumeAt how long the file was when the import was interrupted: what came after is cut off, but for what a pipe
   *   or a device has taken; undefined for an import from the beginning
   * @throws CliError if there is a file where none is expected, or not the one that is
   */
  static async open(path: string, resumeAt: number | undefined): Promise<Rejects> {
    const destination = await destinationAt(path);
    const rejects = new Rejects(path, destination, resumeAt ?? 0);
    if (destination.isStream) return rejects;
    if (resumeAt === undefined && destination.exists) {
      throw new CliError(
        `${path} is there from an earlier import: move it away, let --rejected name another file, or go on with --resume if that import was interrupted`,
      );
    }
    const size = destination.exists ? (await stat(destination.path)).size : 0;
    if (size < (resumeAt ?? 0)) {
      throw new CliError(`${path} is not as the interrupted import left it: import again without --resume`);
    }
    if (destination.exists) {
      rejects.#file = await rejects.#checked(open(destination.path, "r+"));
      await rejects.#checked(rejects.#file.truncate(resumeAt));
    }
    return rejects;
  }

  /**
   * For a file that somebody has asked for: that it could not be made would else come out with the first rejected row.
   *
   * @throws CliError if no file can be made there
   */
  static async check(path: string): Promise<void> {
    const destination = await destinationAt(path);
    if (destination.isStream) return;
    const folder = dirname(destination.path);
    await access(folder, constants.W_OK).catch(() => {
      throw new CliError(`cannot write into ${folder}, where rejected rows would go: --rejected names another file`);
    });
  }

  /** Keeps nothing. */
  static none(): Rejects {
    return new Rejects(undefined, undefined, 0);
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Takes a row; `drain` says when there is room for more.
   *
   * @param row the text of a JSON object, on one line
   */
  add(line: number, row: string, rejection: Rejection): void {
    if (this.path === undefined) return;
    const text = `${withRejection(row, { line, ...rejection })}\n`;
    const bytes = Buffer.byteLength(text);
    this.#length += bytes;
    this.#bufferedBytes += bytes;
    this.#buffered.push(text);
  }

  /** Resolves once little is buffered. @throws CliError if the file cannot be written */
  async drain(): Promise<void> {
    if (this.#bufferedBytes >= maxBufferedBytes) await this.#flush();
  }

  /** Resolves once all that was given is on disk, or taken by a pipe or a device. @throws CliError if the file cannot be written */
  async sync(): Promise<void> {
    await this.#flush();
    if (this.#destination?.isStream === true) return;
    if (this.#file !== undefined) await this.#checked(this.#file.datasync());
  }

  async close(): Promise<void> {
    await this.#flush();
    await this.#file?.close();
  }

  #flush(): Promise<void> {
    const text = this.#buffered.join("");
    const position = this.#length - this.#bufferedBytes;
    this.#buffered = [];
    this.#bufferedBytes = 0;
    this.#writing = this.#writing.then(() => this.#write(text, position));
    return this.#writing;
  }

  async #write(text: string, position: number): Promise<void> {
    if (text === "" || this.#destination === undefined) return;
    const { path, isStream } = this.#destination;
    this.#file ??= await this.#checked(isStream ? openStream(path) : open(path, "wx", 0o600));
    let bytes = Buffer.from(text);
    let at = position;
    while (bytes.length > 0) {
      const { bytesWritten } = await this.#checked(this.#file.write(bytes, 0, bytes.length, isStream ? null : at));
      bytes = bytes.subarray(bytesWritten);
      at += bytesWritten;
    }
  }

  #checked<Result>(work: Promise<Result>): Promise<Result> {
    return work.catch((error: unknown) => {
      throw new CliError(`cannot write ${this.path}: ${writeFailure(error)}; --rejected names another file`);
    });
  }
}

/** The row as it is, with why it was rejected. Of a row that an earlier import rejected, that import's word goes. */
function withRejection(row: string, rejected: object): string {
  const fresh = row.includes('"rejected"')
    ? objectText(membersOf(row).filter(([name]) => name !== "rejected"))
    : row.trim();
  const members = fresh.slice(1, -1).trim();
  return `{${members}${members === "" ? "" : ","}"rejected":${JSON.stringify(rejected)}}`;
}

/** A user, as NDJSON has it. */
export function userAsRow(
  { id, properties, setOnce, unset = [], observedAt }: UserToImport,
  preferences: JsonObject | undefined,
): JsonObject {
  const time = observedAt instanceof Date ? timestampFromDate(observedAt) : observedAt;
  return {
    id,
    ...(properties && { properties }),
    ...(setOnce && { set_once: setOnce }),
    ...(unset.length > 0 && { unset: [...unset] }),
    ...(time && { observed_at: toJson(TimestampSchema, time) }),
    ...(preferences && { preferences }),
  };
}

export function invalidRejection({ reason, field }: InvalidRow): Rejection {
  return { code: "INVALID_ARGUMENT", reason: "INVALID_ROW", ...(field !== undefined && { field }), message: reason };
}
