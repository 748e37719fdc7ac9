/** With `TEST_REPEATS=all`, as a clean checkout is tested; else a fifth, for everyday. */
const share = process.env["TEST_REPEATS"] === "all" ? 1 : 5;

/** How often to repeat something random, or how much of it to try, of so many times in full. */
export function repeats(inFull: number): number {
  return Math.ceil(inFull / share);
}
