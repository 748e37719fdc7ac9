/** With `TEST_REPEATS=all`, as a clean checkout is tested; an everyday run tries a twentieth. */
export const inFull = process.env["TEST_REPEATS"] === "all";
const share = inFull ? 1 : 20;

/** How often to repeat something random, or how much of it to try, where a full run tries so many. */
export function repeats(inFull: number): number {
  return Math.ceil(inFull / share);
}
