/** About how long a slice takes the database's thread that looks at properties or entries, in milliseconds. */
const sliceMs = 1;

/** @returns whether the time of a slice is over that begins now */
export function timeLimit(): () => boolean {
  const end = performance.now() + sliceMs;
  return () => performance.now() >= end;
}
