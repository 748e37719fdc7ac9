/** The failures of SQLite: its result codes, and what to do about each: https://sqlite.org/rescode.html */

const codes = {
  busy: 5,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
  // Extended codes, which have more in the bytes above the lowest.
  readOnlyMoved: 1032,
  ioErrorWrite: 778,
  ioErrorFsync: 1034,
  ioErrorShmSize: 4874,
} as const;

/** What a quota or a limit on the size of files causes besides `full`: in writing, in fsync, in growing the log's index. */
const maybeFull: ReadonlySet<number | undefined> = new Set([
  codes.full,
  codes.ioErrorWrite,
  codes.ioErrorFsync,
  codes.ioErrorShmSize,
]);

/** The result code, with its upper bytes; undefined for an error that is not SQLite's. */
function codeOf(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined;
}

function primaryCode(code: number): number {
  return code & 0xff;
}

export function isFromSqlite(error: unknown): boolean {
  return codeOf(error) !== undefined;
}

/**
 * Whether SQLite found its file damaged, for example an id in the index that has no row in the table. A transaction that
 * met this cannot be committed.
 */
export function isCorrupt(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && primaryCode(code) === codes.corrupt;
}

/** Whether the disk or the database surely has no room. */
export function isFull(error: unknown): boolean {
  return codeOf(error) === codes.full;
}

/** Whether more room may help. */
export function mayLackRoom(error: unknown): boolean {
  return !(error instanceof RoomRefusedError) && maybeFull.has(codeOf(error));
}

/** `isCorrupt`, as the owner of the database's thread is told: nothing was written. */
export class CorruptError extends Error {
  override readonly name = "CorruptError";
}

/** Refuses a write, because the room that is left is kept for deletions. */
export class RoomRefusedError extends Error {
  override readonly name = "RoomRefusedError";
  readonly errcode = codes.full;

  constructor() {
    super("the disk has no room, and what is left is for deletions; free some: docs/operating.md");
  }
}

/** An open file was removed, or another file has its name. SQLite would go on writing to a file that nobody can find. */
export class MovedError extends Error {
  override readonly name = "MovedError";
  readonly errcode = codes.readOnlyMoved;

  constructor(path: string) {
    super(`${path} has been removed or replaced while it was open: put it back, or stop the server and start it again`);
  }
}

const giveAccess = "let the server's user read and write the file, the files beside it and their folder";

/** The cause, unless SQLite's own words name it, and the next step. */
const ofSqlite: ReadonlyMap<number, readonly [cause: string | undefined, next: string]> = new Map([
  [codes.busy, ["another process has locked it for too long", "stop whatever else uses it"]],
  [codes.readOnly, ["it cannot be written", `${giveAccess}, and check whether the disk is mounted read-only`]],
  [codes.ioError, [undefined, "check the disk, quotas, and the system's log"]],
  [codes.corrupt, [undefined, "restore a backup, or let sqlite3 .recover make a new database"]],
  [codes.full, ["the disk has no room", "free some: docs/operating.md"]],
  [codes.cannotOpen, [undefined, giveAccess]],
  [codes.notADatabase, ["it is no SQLite database", "name another file in --store, or restore a backup"]],
]);

/** The next step after a failure of the file system. */
const ofSystem: ReadonlyMap<unknown, string> = new Map([
  ["EACCES", giveAccess],
  ["EPERM", giveAccess],
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
  const code = codeOf(error);
  if (code !== undefined) {
    const [cause = message, next = undefined] = ofSqlite.get(primaryCode(code)) ?? [];
    const told = cause === message ? message : `${cause} (${message})`;
    return next === undefined ? told : `${told}; ${next}`;
  }
  const next = "code" in error ? ofSystem.get(error.code) : undefined;
  return next === undefined ? message : `${message}; ${next}`;
}
