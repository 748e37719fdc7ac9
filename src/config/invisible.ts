/**
 * Characters that nobody sees, and on which a terminal may act: controls, line breaks, spaces of no width, fillers, tags and
 * marks of direction. No setting needs them, and none is printed as it is. Joiners and variation selectors are not among them:
 * they are part of how words and emoji are written.
 */
export const invisible = /(?!\u200c|\u200d|\p{VS})[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/u;

const everyOne = new RegExp(invisible, "gu");
/** Outside of strings, JSON has line feeds. */
const everyOneInJson = new RegExp(`(?!\\n)${invisible.source}`, "gu");

/** Text on one line, as people are shown it: each invisible character as `\u{9b}`. */
export function printable(text: string): string {
  return text.replace(everyOne, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** Text of several lines, likewise. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** The same JSON, with each invisible character as `\u009b`. */
export function printableJson(json: string): string {
  return json.replace(everyOneInJson, escapes);
}

/** An escape for each unit of UTF-16. */
function escapes(character: string): string {
  let text = "";
  for (let at = 0; at < character.length; at++) {
    text += `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }
  return text;
}
