import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { stdout } from "node:process";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { CliError } from "../cli-error.ts";
import { removeIfStopped } from "../stop-signals.ts";

/** Where an export goes. Each method throws CliError if the file cannot be written. */
export interface Output {
  /** Resolves once there is room for more. */
  write(text: string): Promise<void>;
  /** Everything has been written: the file is on disk, under its name. */
  finish(): Promise<void>;
  /** Leaves no file behind, and one that was there before as it was. */
  abandon(): Promise<void>;
}

/** @param path `-` for standard output; compressed with gzip where it ends in `.gz` */
export function openOutput(path: string): Promise<Output> {
  return path === "-" ? Promise.resolve(standardOutput) : openFile(path);
}

const standardOutput: Output = {
  async write(text) {
    if (!stdout.write(text)) await once(stdout, "drain");
  },
  async finish() {},
  async abandon() {},
};

/** A file, which has its name once it is whole, and which only its owner may read. What is told to stop leaves none behind. */
async function openFile(path: string): Promise<Output> {
  const checked = <Result>(work: Promise<Result>) =>
    work.catch((error: unknown) => {
      throw new CliError(`cannot write ${path}: ${error instanceof Error ? error.message : error}`);
    });
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isDirectory) throw new CliError(`cannot write ${path}: it is a folder`);
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await checked(open(temporary, "wx", 0o600));
  const release = removeIfStopped(temporary);
  const target = createWriteStream("", { fd: file, flush: true });
  const head = path.endsWith(".gz") ? createGzip() : target;
  if (head !== target) head.pipe(target);
  const done = finished(target);
  // What fails is seen by whoever writes or finishes.
  done.catch((error: unknown) => head.destroy(error instanceof Error ? error : undefined));
  head.on("error", () => {});
  return {
    async write(text) {
      if (!head.write(text)) await checked(Promise.race([once(head, "drain"), done]));
    },
    async finish() {
      head.end();
      await checked(done);
      await checked(rename(temporary, path));
      release();
    },
    async abandon() {
      head.destroy();
      target.destroy();
      await done.catch(() => {});
      await rm(temporary, { force: true });
      release();
    },
  };
}
