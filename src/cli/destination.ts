/** Where a command writes. Only a regular file is ever replaced; into a pipe or a device is written. */
import type { Stats } from "node:fs";
import { constants, type FileHandle, lstat, open, readlink, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import { CliError } from "./cli-error.ts";

export interface Destination {
  /** Of what a symbolic link names, where it is one: the link stays. */
  readonly path: string;
  /** Whether there is something already. */
  readonly exists: boolean;
  /** Whether it is a pipe or a device: no file that has its name once it is whole. */
  readonly isStream: boolean;
}

/** @throws CliError if nothing can be written there */
export async function destinationAt(path: string): Promise<Destination> {
  try {
    const found = await stat(path).catch(undefinedIfMissing);
    if (found === undefined) return { path: await endOfLinks(path), exists: false, isStream: false };
    if (found.isFile()) return { path: await realpath(path), exists: true, isStream: false };
    if (!isStream(found)) throw new Error(`it is a ${kindOf(found)}`);
    // Not the end of its links: that of /proc/self/fd/1 is no path.
    return { path, exists: true, isStream: true };
  } catch (error) {
    throw new CliError(`cannot write ${path}: ${writeFailure(error)}`);
  }
}

/**
 * Opens a pipe or a device, once somebody reads it.
 *
 * @throws Error if that cannot be done
 */
export async function openStream(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_WRONLY);
  if (isStream(await file.stat())) return file;
  await file.close();
  throw new Error("it has become something else");
}

/** @throws Error if there is something at this very path that is no regular file */
export async function checkReplaceable(path: string): Promise<void> {
  const found = await lstat(path).catch(undefinedIfMissing);
  if (found !== undefined && !found.isFile()) throw new Error(`it is a ${kindOf(found)}`);
}

/** Why something could not be written, for people. */
export function writeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && error.code === "EPIPE" ? "whoever read it has gone" : error.message;
}

function isStream(found: Stats): boolean {
  return found.isFIFO() || found.isCharacterDevice();
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return "folder";
  if (found.isSymbolicLink()) return "symbolic link";
  if (found.isFIFO()) return "pipe";
  if (found.isSocket()) return "socket";
  return found.isBlockDevice() ? "block device" : "device";
}

/** Where a file comes to be that is made at this path: at the end of symbolic links that lead to none yet. */
async function endOfLinks(path: string): Promise<string> {
  const next = await readlink(path).catch(() => undefined);
  if (next === undefined) return path;
  return endOfLinks(isAbsolute(next) ? next : `${await realpath(dirname(path))}/${next}`);
}

function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
