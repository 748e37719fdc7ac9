/** SQLite's failures for want of room: https://sqlite.org/rescode.html */
const sqliteFull = 13;
/** What a quota, or a limit to the size of files, comes to: of writing, of making room for the log's index, of fsync. */
const mayBeRoom: ReadonlySet<unknown> = new Set([sqliteFull, 778, 4874, 1034]);

/** Refuses a write: the room that is left is kept for deletions. */
export class RoomRefusedError extends Error {
  override readonly name = "RoomRefusedError";
  readonly errcode = sqliteFull;

  constructor() {
    super("the disk has no room, and what is left is for deletions; free some: docs/operating.md");
  }
}

/** Whether the disk, or the database, surely has no room. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === sqliteFull;
}

/** Whether more room may help. */
export function mayLackRoom(error: unknown): boolean {
  if (error instanceof RoomRefusedError) return false;
  return error instanceof Error && "errcode" in error && mayBeRoom.has(error.errcode);
}
