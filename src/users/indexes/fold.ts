/**
 * Folds text for comparisons that ignore case, by Unicode's canonical caseless match (definition D145): NFD, then full case folding
 * character by character. The result is in NFC, which is shorter.
 *
 * A character folds alike in any text, so equal texts have equal entries. The table decides what folds, and the store says by which
 * version of it. Node normalizes, and its version has a Unicode of its own. That makes no difference to characters that every version
 * has: their normal forms are stable. It leaves characters that it does not have as they are. So only texts with characters that are
 * newer than a server's Node, or than the table, may fold to others on another server.
 *
 * The beginning of a text folds to the beginning of its folded form, unless what follows joins its last character. That may be a
 * combining mark: "é" does not begin with "e". Or a vowel or final consonant of Hangul: "각" does not begin with "가".
 */
import { foldingExpansions, foldingRanges } from "./folding-table.ts";

const folded: ReadonlyMap<number, string> = new Map([
  ...foldingRanges.flatMap(([first, last, step, shift]) =>
    Array.from({ length: (last - first) / step + 1 }, (_, n): [number, string] => {
      const from = first + n * step;
      return [from, String.fromCodePoint(from + shift)];
    }),
  ),
  ...foldingExpansions,
]);

const ascii = /^[\0-\x7f]*$/;

export function fold(text: string): string {
  // Of ASCII, both agree on every character.
  if (ascii.test(text)) return text.toLowerCase();
  let result = "";
  for (const character of text.normalize("NFD")) {
    result += folded.get(character.codePointAt(0) ?? 0) ?? character;
  }
  return result.normalize("NFC");
}
