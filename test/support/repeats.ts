/** With `TEST_REPEATS=all`, as a clean checkout is tested; else a tenth is tried, for everyday. */
export const inFull = process.env["TEST_REPEATS"] === "all";
const share = inFull ? 1 : 10;

/** How often to repeat something random, or how much of it to try, of so many times in full. */
export function repeats(inFull: number): number {
  return Math.ceil(inFull / share);
}
