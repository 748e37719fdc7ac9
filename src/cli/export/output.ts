import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { stdout } from "node:process";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { CliError } from "../cli-error.ts";
import { checkReplaceable, destinationAt, openStream, writeFailure } from "../destination.ts";
import { removeIfStopped } from "../stop-signals.ts";

/** Where an export goes. Each method throws CliError if the file cannot be written. */
export interface Output {
  /** Resolves once there is room for more. */
  write(text: string): Promise<void>;
  /** Everything has been written: a file is on disk, under its name. */
  finish(): Promise<void>;
  /** Leaves no file behind, and one that was there before as it was. What a pipe or a device has taken it has. */
  abandon(): Promise<void>;
}

/**
 * @param path `-` for standard output; compressed with gzip where it ends in `.gz`
 * @param shown text as a terminal is given it; files and pipes get it as it is
 */
export function openOutput(path: string, shown = (text: string) => text): Promise<Output> {
  if (path !== "-") return openFile(path);
  return Promise.resolve({
    async write(text) {
      if (!stdout.write(stdout.isTTY ? shown(text) : text)) await once(stdout, "drain");
    },
    async finish() {},
    async abandon() {},
  });
}

/** A pipe or a device, into which is written; or a file, which has its name once it is whole. */
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
 * Only its owner may read it. What is told to stop leaves none behind.
 *
 * @param path what the file is called
 * @param target where it comes to be
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
  // What fails is seen by whoever writes or finishes.
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
