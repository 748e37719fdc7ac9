/** The database's files: how they are made, and whether those that are open are still at their paths. */
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { MovedError } from "./failures.ts";

/** Of the files that users are in: the owner reads and writes them. SQLite gives those beside the database the same. */
export const fileMode = 0o600;

/** How long it may take at most until somebody who writes sees that a file is gone. To look takes a hundredth of a write. */
const lookMs = 10;

/**
 * Makes the file if it is not there, with its mode, and its folder.
 *
 * @throws Error if it is not there and may not be made, or is no file
 */
export function makeFile(path: string, mayCreate: boolean): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile()) throw new Error(`${path} is not a file; name another in --store`);
  if (found === undefined && !mayCreate) throw new MovedError(path);
  if (found === undefined) makeFolder(dirname(path));
  closeSync(openSync(path, "a", fileMode));
}

/** Node's own `recursive` never ends where the system makes no folder although the one above is there, as in /proc. */
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

/** Files that are open, as they were when this was made. */
export class OpenFiles {
  readonly #files: readonly { readonly path: string; readonly identity: string | undefined }[];
  /** What has been found last, if it is not as it should be. */
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

  /** As check, and tells what that has found within the last moment, where all was well. @throws MovedError */
  checkLately(): void {
    if (this.#lost !== undefined || performance.now() - this.#lookedAt >= lookMs) this.check();
  }
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}
