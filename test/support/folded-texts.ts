/** Texts, and what they fold to by Unicode's canonical caseless match. It is written down here, so that no code says what is right. */

/** As many bytes as the rest of a text may have beside 85 of these, which take 255. */
const dotted = "i\u0307".repeat(85);

/** A folded form, and texts that fold to it. */
const forms: readonly (readonly [folded: string, ...texts: string[]])[] = [
  ["", ""],
  ["a", "a", "A"],
  ["aa", "aa", "Aa"],
  ["b", "b"],
  ["ada", "Ada"],
  ["bea", "Bea"],
  ["long".repeat(50), "long".repeat(50)],
  ["true", "true", "TRUE"],
  ["1", "1"],
  // Of expansions, "ß" stands for what lower case leaves alone.
  ["ss", "ss", "SS", "ß", "\u1e9e"],
  ["strasse", "Straße", "STRASSE"],
  ["fi", "fi", "\ufb01"],
  ["i", "i", "I"],
  ["\u0131", "\u0131"],
  ["i\u0307", "İ", "i\u0307", "I\u0307"],
  ["σασ", "ΣΑΣ", "σας"],
  ["σ", "Σ", "σ", "ς"],
  // The iota below becomes one beside.
  ["αι", "\u1fb3", "\u1fbc", "αι"],
  ["\u03ac\u03b9", "\u1fb4", "\u03b1\u0301\u0345", "\u0391\u0345\u0301"],
  ["\u00e9", "\u00e9", "e\u0301", "\u00c9", "E\u0301"],
  ["\u00e9a", "\u00e9a", "e\u0301A"],
  // Two marks, in either order.
  ["\u1ec7", "\u1ec7", "e\u0302\u0323", "E\u0323\u0302"],
  ["q\u0323\u0307", "q\u0323\u0307", "Q\u0307\u0323"],
  ["k", "k", "\u212a"],
  ["\u00e5", "\u00e5", "a\u030a", "\u212b"],
  // UTF-16 has them in the other order than UTF-8.
  ["\uff41", "\uff41", "\uff21"],
  ["\u{10428}", "\u{10428}", "\u{10400}"],
  ["\0", "\0"],
  ["\0\x01", "\0\x01"],
  ["a\0", "a\0", "A\0"],
  ["a\0b", "a\0b", "A\0B"],
  ["a\0\xff", "a\0\xff"],
  ["a\x01", "a\x01"],
  // About 256 bytes, before or after.
  ["x".repeat(255), "x".repeat(255)],
  ["x".repeat(256), "x".repeat(256), "X".repeat(256)],
  ["x".repeat(257), "x".repeat(257), "X".repeat(257)],
  ["ss".repeat(128), "ß".repeat(128)],
  ["ss".repeat(129), "ß".repeat(129)],
  ["k".repeat(90), "\u212a".repeat(90)],
  [`${dotted}x`, `${"İ".repeat(85)}x`],
  [`${dotted}xx`, `${"İ".repeat(85)}xx`],
  ["\u00e9".repeat(128), "E\u0301".repeat(128)],
  // Only beginnings.
  ["stra", "Stra"],
  ["st", "ST"],
  ["xx", "Xx"],
  ["lo", "lo"],
];

const foldedForms = new Map(forms.flatMap(([folded, ...texts]) => texts.map((text) => [text, folded])));

export const someTexts: readonly string[] = [...foldedForms.keys()];

/** Texts that fold to the same, in their order; the text itself is among them. */
export function textsLike(text: string): readonly string[] {
  const folded = foldedForm(text);
  return someTexts.filter((each) => foldedForms.get(each) === folded);
}

/** The folded form of one of the texts. */
export function foldedForm(text: string): string {
  const folded = foldedForms.get(text);
  if (folded === undefined) throw new Error(`what ${JSON.stringify(text)} folds to is not written down`);
  return folded;
}
