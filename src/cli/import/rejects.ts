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

/** How much is buffered before it is written. */
const maxBufferedBytes = 64 * 1024;

/**
 * A file for rows that were not imported, which can be corrected and imported again: NDJSON, with the reason in `rejected`. It is
 * created with the first row, and only its owner may read it. Pipes and devices are written directly.
 */
export class Rejects {
  /** As given; undefined if nothing is kept. */
  readonly path: string | undefined;
  readonly #destination: Destination | undefined;
  /** Bytes added. */
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
   * @param resumeAt length of the file when the import was interrupted, to which it is cut; undefined for a new import
   * @throws CliError if there is a file and the import is new, or the file is not that of the interrupted import
   */
  static async open(path: string, resumeAt: number | undefined): Promise<Rejects> {
    const destination = await destinationAt(path);
    const rejects = new Rejects(path, destination, resumeAt ?? 0);
    if (destination.isStream) return rejects;
    if (resumeAt === undefined && destination.exists) {
      throw new CliError(
        `${path} exists from an earlier import: move it away, name another file with --rejected, or continue that import with --resume`,
      );
    }
    const size = destination.exists ? (await stat(destination.path)).size : 0;
    if (size < (resumeAt ?? 0)) {
      throw new CliError(`${path} is not as the interrupted import left it: start again without --resume`);
    }
    if (destination.exists) {
      rejects.#file = await rejects.#checked(open(destination.path, "r+"));
      await rejects.#checked(rejects.#file.truncate(resumeAt));
    }
    return rejects;
  }

  /**
   * Checks a file that was asked for at once, and not only with the first rejected row.
   *
   * @throws CliError if no file can be created there
   */
  static async check(path: string): Promise<void> {
    const destination = await destinationAt(path);
    if (destination.isStream) return;
    const folder = dirname(destination.path);
    await access(folder, constants.W_OK).catch(() => {
      throw new CliError(`cannot write into ${folder}, where rejected rows go: name another file with --rejected`);
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
   * @param row a JSON object on one line
   */
  add(line: number, row: string, rejection: Rejection): void {
    if (this.path === undefined) return;
    const text = `${withRejection(row, { line, ...rejection })}\n`;
    const bytes = Buffer.byteLength(text);
    this.#length += bytes;
    this.#bufferedBytes += bytes;
    this.#buffered.push(text);
  }

  /** Resolves once there is room for more. @throws CliError if the file cannot be written */
  async drain(): Promise<void> {
    if (this.#bufferedBytes >= maxBufferedBytes) await this.#flush();
  }

  /** Resolves once all rows are on disk, or taken by a pipe or a device. @throws CliError if the file cannot be written */
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
      throw new CliError(`cannot write ${this.path}: ${writeFailure(error)}; name another file with --rejected`);
    });
  }
}

/** Adds the reason to a row, in place of that of an earlier import. */
function withRejection(row: string, rejected: object): string {
  const fresh = row.includes('"rejected"')
    ? objectText(membersOf(row).filter(([name]) => name !== "rejected"))
    : row.trim();
  const members = fresh.slice(1, -1).trim();
  return `{${members}${members === "" ? "" : ","}"rejected":${JSON.stringify(rejected)}}`;
}

/** A user as a row of NDJSON. */
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
