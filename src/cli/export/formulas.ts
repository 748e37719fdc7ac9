/**
 * Keeps spreadsheets from calculating what users' properties say: https://owasp.org/www-community/attacks/CSV_Injection
 *
 * A cell that begins with `'` is text to every spreadsheet. Some are set to separate cells by semicolons, tabs or bars, and
 * ignore quotes inside a cell: for them, a cell also begins after one of these, or after a line break.
 */

/** The beginning of a formula, also in full-width characters. */
const operator = "[=+\\-@＝＋－＠]";
/** What a spreadsheet may ignore before it. */
const passedOver = "\\s\\p{Cc}\\p{Cf}";

const beginning = new RegExp(`^(?=[\\t\\r\\n]|[${passedOver}]*${operator})`, "u");
/** Searched from the operator backwards. Forwards, a long run of spaces would be read again from each of them. */
const inside = new RegExp(`(?<=[;|\\t\\r\\n]["${passedOver}]*)${operator}`, "gu");

/** Puts a `'` before each part of a cell that a spreadsheet could run as a formula. */
export function withoutFormulas(cell: string): string {
  return cell.replace(inside, "'$&").replace(beginning, "'");
}
