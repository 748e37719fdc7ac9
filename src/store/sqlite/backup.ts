import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { fileMode } from "./database-file.ts";
import { openReadOnly } from "./read-only.ts";

/** All pages are copied in one step, because a write in between would restart the backup. */
const allPages = 2 ** 31 - 1;

/**
 * Copies a database to a new file, in its state at one moment, also while a server writes to it. The new file appears once
 * the copy is complete, checked and on disk.
 *
 * @param onUnfinished called with the paths of temporary files; the function that it returns is called once they are gone
 * @returns the number of users in the copy
 * @throws Error if there is no Rollcall database, or the new file exists or cannot be written
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

/** Gives the file its final name by a hard link: unlike a rename, that cannot replace another file. */
function putInPlace(unfinished: string, target: string): void {
  try {
    linkSync(unfinished, target);
  } catch {
    if (isTaken(target)) throw isThere(target);
    // Some file systems have no hard links.
    renameSync(unfinished, target);
  }
}

/** Symbolic links count, wherever they lead. */
function isTaken(target: string): boolean {
  return lstatSync(target, { throwIfNoEntry: false }) !== undefined;
}

function isThere(target: string): Error {
  return new Error(`${target} is there already`);
}

/** @returns the number of users */
function check(path: string): number {
  const copy = new DatabaseSync(path);
  try {
    // Leaves no other file beside the copy.
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
