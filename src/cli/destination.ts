/** Where a command writes. It replaces only regular files, and writes pipes and devices directly. */
import type { Stats } from "node:fs";
import { constants, type FileHandle, lstat, open, readlink, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import { CliError } from "./cli-error.ts";

export interface Destination {
  /** The target, if it is a symbolic link. The link stays. */
  readonly path: string;
  readonly exists: boolean;
  /** Whether it is a pipe or a device. */
  readonly isStream: boolean;
}

/** @throws CliError if nothing can be written there */
export async function destinationAt(path: string): Promise<Destination> {
  try {
    const found = await stat(path).catch(undefinedIfMissing);
    if (found === undefined) return { path: await endOfLinks(path), exists: false, isStream: false };
    if (found.isFile()) return { path: await realpath(path), exists: true, isStream: false };
    if (!isStream(found)) throw new Error(`it is a ${kindOf(found)}`);
    // Not its target: that of /proc/self/fd/1 is not a path.
    return { path, exists: true, isStream: true };
  } catch (error) {
    throw new CliError(`cannot write ${path}: ${writeFailure(error)}`);
  }
}

/**
 * Opens a pipe or a device, once it has a reader.
 *
 * @throws Error if it cannot be opened
 */
export async function openStream(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_WRONLY);
  if (isStream(await file.stat())) return file;
  await file.close();
  throw new Error("it is no longer a pipe or a device");
}

/** @throws Error if there is something other than a regular file at this path */
export async function checkReplaceable(path: string): Promise<void> {
  const found = await lstat(path).catch(undefinedIfMissing);
  if (found !== undefined && !found.isFile()) throw new Error(`it is a ${kindOf(found)}`);
}

/** Why something could not be written. */
export function writeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && error.code === "EPIPE" ? "its reader has closed it" : error.message;
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

/** Where a new file at this path is created: at the end of symbolic links. */
async function endOfLinks(path: string): Promise<string> {
  const next = await readlink(path).catch(() => undefined);
  if (next === undefined) return path;
  return endOfLinks(isAbsolute(next) ? next : `${await realpath(dirname(path))}/${next}`);
}

function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
