/** SQLite's result code where the file is not as it should be: https://sqlite.org/rescode.html#corrupt */
const sqliteCorrupt = 11;

/**
 * Whether SQLite found its file damaged, as where the index has an id of which the table has no row. A transaction that met
 * this cannot be committed.
 */
export function isCorrupt(error: unknown): boolean {
  if (!(error instanceof Error && "errcode" in error && typeof error.errcode === "number")) return false;
  // What is above the lowest byte says more of it.
  return (error.errcode & 0xff) === sqliteCorrupt;
}

/** The same, as whoever owns the database's thread is told it: nothing was written. */
export class CorruptError extends Error {
  override readonly name = "CorruptError";
}
