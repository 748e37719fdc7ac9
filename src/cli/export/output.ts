import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { stdout } from "node:process";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { CliError } from "../cli-error.ts";
import { checkReplaceable, destinationAt, openStream, writeFailure } from "../destination.ts";
import { removeIfStopped } from "../stop-signals.ts";

/** The destination of an export. Each method throws CliError if the file cannot be written. */
export interface Output {
  /** Resolves once there is room for more. */
  write(text: string): Promise<void>;
  /** Ends the output. A file is then on disk, under its name. */
  finish(): Promise<void>;
  /** Discards the output, and leaves an earlier file unchanged. A pipe or a device keeps what it has taken. */
  abandon(): Promise<void>;
}

/**
 * @param path `-` for standard output; compressed with gzip if it ends in `.gz`
 * @param forTerminal makes text safe to print on a terminal; files and pipes get it unchanged
 */
export function openOutput(path: string, forTerminal = (text: string) => text): Promise<Output> {
  if (path !== "-") return openFile(path);
  return Promise.resolve({
    async write(text) {
      if (!stdout.write(stdout.isTTY ? forTerminal(text) : text)) await once(stdout, "drain");
    },
    async finish() {},
    async abandon() {},
  });
}

/** A pipe or a device is written directly; a file gets its name once it is complete. */
async function openFile(path: string): Promise<Output> {
  const destination = await destinationAt(path);
  return destination.isStream ? intoStream(path) : intoFile(path, destination.path);
}

async function intoStream(path: string): Promise<Output> {
  const file = await checked(path, openStream(path));
  const { write, end, abandon } = writerOf(path, createWriteStream("", { fd: file }));
  return { write, finish: end, abandon };
}

/**
 * Writes a file that only its owner may read. A process that is stopped leaves none behind.
 *
 * @param path its name in messages
 * @param target its path, after symbolic links
 */
async function intoFile(path: string, target: string): Promise<Output> {
  const temporary = `${target}.${process.pid}.tmp`;
  const file = await checked(path, open(temporary, "wx", 0o600));
  const release = removeIfStopped(temporary);
  const { write, end, abandon } = writerOf(path, createWriteStream("", { fd: file, flush: true }));
  return {
    write,
    async finish() {
      await end();
      await checked(path, checkReplaceable(target));
      await checked(path, rename(temporary, target));
      release();
    },
    async abandon() {
      await abandon();
      await rm(temporary, { force: true });
      release();
    },
  };
}

function writerOf(path: string, target: WriteStream) {
  const head = path.endsWith(".gz") ? createGzip() : target;
  if (head !== target) head.pipe(target);
  const done = finished(target);
  // Failures are thrown by write and end.
  done.catch((error: unknown) => head.destroy(error instanceof Error ? error : undefined));
  head.on("error", () => {});
  return {
    async write(text: string) {
      if (!head.write(text)) await checked(path, Promise.race([once(head, "drain"), done]));
    },
    async end() {
      head.end();
      await checked(path, done);
    },
    async abandon() {
      head.destroy();
      target.destroy();
      await done.catch(() => {});
    },
  };
}

/** @throws CliError if it fails */
function checked<Result>(path: string, work: Promise<Result>): Promise<Result> {
  return work.catch((error: unknown) => {
    throw new CliError(`cannot write ${path}: ${writeFailure(error)}`);
  });
}
