/** Characters on which a terminal acts, or that nobody sees, of each kind. */
export const invisibleCharacters = [
  "\u001b", // escape
  "\u007f",
  "\u0085", // C1 controls: the next line, and the introducers of commands
  "\u009b",
  "\u009d",
  "\u00ad", // soft hyphen
  "\u034f", // grapheme joiner
  "\u061c", // marks of direction, embeddings, overrides and isolates
  "\u200e",
  "\u200f",
  "\u202a",
  "\u202b",
  "\u202c",
  "\u202d",
  "\u202e",
  "\u2066",
  "\u2067",
  "\u2068",
  "\u2069",
  "\u200b", // spaces of no width, and what joins words
  "\u2060",
  "\ufeff",
  "\u2028", // line and paragraph separators
  "\u2029",
  "\u206a", // deprecated format characters
  "\u3164", // fillers
  "\uffa0",
  "\ufff9", // annotations
  "\u{e0041}", // a tag
] as const;

/** Any character of which none may be printed, but for the ends of lines. */
const anyInvisible = /(?!\n|\u200c|\u200d|\p{VS})[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/u;

/** The first character that may not be printed, as an escape; undefined where there is none. */
export function invisibleIn(text: string): string | undefined {
  const [found] = anyInvisible.exec(text) ?? [];
  return found === undefined ? undefined : `\\u{${found.codePointAt(0)?.toString(16)}}`;
}
