/**
 * Folds text for comparisons that ignore case, by Unicode's canonical caseless match (definition D145): NFD, then full case folding
 * character by character. The result is in NFC, which is shorter.
 *
 * It depends neither on the context of a character nor on the version of Node, so that equal texts have equal entries for ever. Only
 * characters that the table's version of Unicode does not have yet may fold to others later. The beginning of a text folds to the
 * beginning of its folded form, unless it ends before a combining mark: "é" does not begin with "e".
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
