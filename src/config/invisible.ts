/**
 * Invisible characters, which a terminal may act on: controls, line breaks, zero-width spaces, fillers, tags and direction
 * marks. No option takes them, and they are printed only escaped. Joiners and variation selectors are not included, because words
 * and emoji need them.
 */
export const invisible = /(?!\u200c|\u200d|\p{VS})[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/u;

const all = new RegExp(invisible, "gu");
/** JSON may have line feeds outside of strings. */
const allInJson = new RegExp(`(?!\\n)${invisible.source}`, "gu");

/** Text on one line that is safe to print: each invisible character as `\u{9b}`. */
export function printable(text: string): string {
  return text.replace(all, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** Text of several lines that is safe to print. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** JSON of the same value that is safe to print: each invisible character as `\u009b`. */
export function printableJson(json: string): string {
  return json.replace(allInJson, escapes);
}

/** One escape per UTF-16 unit. */
function escapes(character: string): string {
  let text = "";
  for (let at = 0; at < character.length; at++) {
    text += `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }
  return text;
}
