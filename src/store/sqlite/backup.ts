import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { fileMode } from "./database-file.ts";
import { openReadOnly } from "./read-only.ts";

/** Pages that are copied at a time: all of them, since a writer in between would make it begin anew. */
const allPages = 2 ** 31 - 1;

/**
 * Copies a database to a new file, as it is at one moment, whether or not a server writes to it meanwhile. The file is
 * there once the copy is whole, checked and on disk.
 *
 * @param onUnfinished called with the paths of files that the copy consists of until it is whole; the function that it
 *   returns is called once they are gone
 * @returns how many users there are in the copy
 * @throws Error if there is no database of ours, or the new file is there already or cannot be written
 */
export async function backUpDatabase(
  path: string,
  target: string,
  onUnfinished: (...paths: readonly string[]) => () => void = () => () => {},
): Promise<number> {
  if (isTaken(target)) throw isThere(target);
  const unfinished = `${target}.${randomUUID()}.unfinished`;
  const release = onUnfinished(unfinished, `${unfinished}-journal`);
  try {
    const source = openReadOnly(path);
    try {
      closeSync(openSync(unfinished, "wx", fileMode));
      await backup(source, unfinished, { rate: allPages });
    } finally {
      source.close();
    }
    const users = check(unfinished);
    sync(unfinished);
    putInPlace(unfinished, target);
    sync(dirname(target));
    return users;
  } finally {
    rmSync(unfinished, { force: true });
    release();
  }
}

/** Gives the file its name, beside its first one: unlike a change of its name, that takes no other file's place. */
function putInPlace(unfinished: string, target: string): void {
  try {
    linkSync(unfinished, target);
  } catch {
    if (isTaken(target)) throw isThere(target);
    // There are file systems where no file has two names.
    renameSync(unfinished, target);
  }
}

/** Also by a symbolic link, wherever it leads. */
function isTaken(target: string): boolean {
  return lstatSync(target, { throwIfNoEntry: false }) !== undefined;
}

function isThere(target: string): Error {
  return new Error(`${target} is there already`);
}

/** @returns how many users there are */
function check(path: string): number {
  const copy = new DatabaseSync(path);
  try {
    // One file, with nothing beside it.
    copy.exec("PRAGMA journal_mode = DELETE");
    const result = singleValue(copy, "PRAGMA quick_check(1)");
    if (result !== "ok") throw new Error(`the copy is damaged, and so is the database: ${result}`);
    return Number(singleValue(copy, "SELECT count(*) FROM user"));
  } finally {
    copy.close();
  }
}

function singleValue(database: DatabaseSync, query: string): unknown {
  return Object.values(database.prepare(query).get() ?? {})[0];
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
