/**
 * Keeps spreadsheets from calculating what users' properties say: https://owasp.org/www-community/attacks/CSV_Injection
 *
 * A cell that begins with `'` is text to every spreadsheet. Some are set to separate cells by semicolons, tabs or bars, and do
 * not heed quotes inside a cell: to them, whatever follows one of these, or a line break, begins a cell too.
 */

/** What begins a formula, also as East Asian keyboards write it. */
const operator = "[=+\\-@＝＋－＠]";
/** What a spreadsheet may pass over in front of it. */
const passedOver = "\\s\\p{Cc}\\p{Cf}";

const beginning = new RegExp(`^(?=[\\t\\r\\n]|[${passedOver}]*${operator})`, "u");
/** Looked for from the operator backwards: forwards, a long run of spaces would be read once from each of them. */
const inside = new RegExp(`(?<=[;|\\t\\r\\n]["${passedOver}]*)${operator}`, "gu");

/** The text of a cell, with a `'` in front of each part that a spreadsheet could take for a formula. */
export function withoutFormulas(cell: string): string {
  return cell.replace(inside, "'$&").replace(beginning, "'");
}
