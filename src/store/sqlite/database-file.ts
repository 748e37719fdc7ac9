/** Makes the database's files, and checks that open files are still at their paths. */
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { MovedError } from "./failures.ts";

/** Only the owner reads and writes files with users. SQLite gives the files beside the database the same mode. */
export const fileMode = 0o600;

/** How long a missing file may go unnoticed by writes. A check takes a hundredth of the time of a write. */
const lookMs = 10;

/**
 * Makes the file, with its mode, and its folder, if it is not there.
 *
 * @throws Error if it is not there and may not be made, or is not a file
 */
export function makeFile(path: string, mayCreate: boolean): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile()) throw new Error(`${path} is not a file; name another in --store`);
  if (found === undefined && !mayCreate) throw new MovedError(path);
  if (found === undefined) makeFolder(dirname(path));
  closeSync(openSync(path, "a", fileMode));
}

/** Node's `recursive` never returns if the system makes no folder although the parent exists, as in /proc. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process was first.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}

/** Remembers the identity of open files. */
export class OpenFiles {
  readonly #files: readonly { readonly path: string; readonly identity: string | undefined }[];
  /** The last finding, if a file had moved. */
  #lost: MovedError | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(paths: readonly string[]) {
    this.#files = paths.map((path) => ({ path, identity: identityOf(path) }));
  }

  /** @throws MovedError */
  check(): void {
    const moved = this.#files.find(({ path, identity }) => identityOf(path) !== identity);
    this.#lost = moved && new MovedError(moved.path);
    this.#lookedAt = performance.now();
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** `check`, unless the files were fine a moment ago. @throws MovedError */
  checkLately(): void {
    if (this.#lost !== undefined || performance.now() - this.#lookedAt >= lookMs) this.check();
  }
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}
