/** Random writes to users with properties that are indexed: `email`, `plan` and `score`. */
import type { WriteCommand } from "../../src/users/store.ts";
import { command, deletion, edit, setPreferences } from "./commands.ts";
import { below, oneOf, type Random } from "./random.ts";

const texts = [
  "",
  "a",
  "A",
  "ab",
  "ß",
  "ss",
  "SS",
  "é",
  "e\u0301",
  "İ",
  "Σ",
  "ς",
  "true",
  "1",
  "a\0",
  "a\0b",
  "\0",
  "\0\x01",
];
/** About as long as an index holds, also once they are folded. */
const long = [
  ...["x".repeat(255), "x".repeat(256), "x".repeat(257), "X".repeat(256)],
  ...["ß".repeat(128), "ß".repeat(129), "\u212a".repeat(90)],
];
const numbers = [0, -0, 1, -1, 0.5, 1e308, -1e308, 5e-324, 2 ** 53];
const values = [...texts, ...long, ...numbers, true, false, null, [], ["a"], {}, { a: "b" }];
const names = ["email", "plan", "score", "other"];
/** Of a few users, so that writes meet. */
export const fewIds = Array.from({ length: 12 }, (_, n) => `user ${n}`);

export function randomProperties(random: Random) {
  const some = names.filter(() => random() < 0.6);
  return Object.fromEntries(some.map((name) => [name, oneOf(random, values)]));
}

/** A write of any kind to one of the users; many of them change nothing, or lose. */
function anyWrite(random: Random, among: readonly string[] = fewIds): WriteCommand {
  const id = oneOf(random, among);
  const observedAt = random() < 0.4 ? 1_000_000 + below(random, 3) : undefined;
  const more = { observedAt, validateOnly: random() < 0.1, hidesOutcome: random() < 0.3 };
  switch (below(random, 8)) {
    case 0:
    case 1:
      return command(id, randomProperties(random), more);
    case 2:
      return edit(id, { set: randomProperties(random) }, more);
    case 3:
      return edit(id, { setOnce: randomProperties(random) }, { ...more, observedAt: undefined });
    case 4:
      return edit(id, { unset: [oneOf(random, names)] }, more);
    case 5:
      return command(id, randomProperties(random), { ...more, precondition: { exists: random() < 0.5 } });
    case 6:
      return setPreferences(id, { theme: oneOf(random, ["dark", "light"]) });
    default:
      return deletion(id, { allowMissing: random() < 0.5 });
  }
}

export function randomWrites(random: Random, count: number, among?: readonly string[]): WriteCommand[] {
  return Array.from({ length: count }, () => anyWrite(random, among));
}
