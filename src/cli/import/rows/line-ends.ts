/** Which byte ends the lines of a text. */
export const lineFeed = 0x0a;
export const carriageReturn = 0x0d;

/**
 * A carriage return where the text's first line ends with one alone, as old Macs wrote; else a line feed, with or without a
 * carriage return before it.
 *
 * @param head the text's beginning
 * @returns undefined where the head does not tell
 */
export function lineEndOf(head: Buffer): number | undefined {
  const feed = head.indexOf(lineFeed);
  const carriage = head.indexOf(carriageReturn);
  if (feed !== -1 && (carriage === -1 || feed < carriage)) return lineFeed;
  if (carriage === -1 || carriage === head.length - 1) return undefined;
  return head[carriage + 1] === lineFeed ? lineFeed : carriageReturn;
}
