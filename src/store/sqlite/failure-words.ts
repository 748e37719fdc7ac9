/** Why a database cannot be used, in words that name the cause and the next step; SQLite's own name neither. */

/** Of the user that the server runs as. */
const mayWrite = "let the server's user read and write the file, the files beside it and their folder";

/** By the lowest byte of SQLite's result code: https://sqlite.org/rescode.html */
const ofSqlite: ReadonlyMap<number, readonly [cause: string | undefined, next: string]> = new Map([
  [5, ["another process has locked it for too long", "stop whatever else uses it"]],
  [8, ["it cannot be written", `${mayWrite}, and check whether the disk is mounted read-only`]],
  [10, [undefined, "check the disk, quotas, and the system's log"]],
  [11, [undefined, "restore a backup, or let sqlite3 .recover make a new database"]],
  [13, ["the disk has no room", "free some: docs/operating.md"]],
  [14, [undefined, mayWrite]],
  [26, ["it is no SQLite database", "name another file in --store, or restore a backup"]],
]);

/** By the code of a failure of the file system. */
const ofSystem: ReadonlyMap<unknown, string> = new Map([
  ["EACCES", mayWrite],
  ["EPERM", mayWrite],
  ["EROFS", "name a place in --store that can be written"],
  ["ENOENT", "name a place in --store where files can be made"],
  ["EEXIST", "a part of the path in --store is no folder"],
  ["ENOTDIR", "a part of the path in --store is no folder"],
  ["ENOSPC", "free some room: docs/operating.md"],
  ["EDQUOT", "free some room: docs/operating.md"],
]);

/** The cause and the next step, on one line. */
export function explained(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message } = error;
  // Rollcall's own errors have a name of their own, and say what to do.
  if (error.name !== "Error") return message;
  if ("errcode" in error && typeof error.errcode === "number") {
    const [cause = message, next = undefined] = ofSqlite.get(error.errcode & 0xff) ?? [];
    const told = cause === message ? message : `${cause} (${message})`;
    return next === undefined ? told : `${told}; ${next}`;
  }
  const next = "code" in error ? ofSystem.get(error.code) : undefined;
  return next === undefined ? message : `${message}; ${next}`;
}
