export const lineFeed = 0x0a;
export const carriageReturn = 0x0d;

/**
 * A carriage return if the first line ends with a lone one, as on old Macs. Otherwise a line feed, which may follow a carriage
 * return.
 *
 * @param head beginning of the text
 * @returns undefined if the head does not tell
 */
export function lineEndOf(head: Buffer): number | undefined {
  const feed = head.indexOf(lineFeed);
  const carriage = head.indexOf(carriageReturn);
  if (feed !== -1 && (carriage === -1 || feed < carriage)) return lineFeed;
  if (carriage === -1 || carriage === head.length - 1) return undefined;
  return head[carriage + 1] === lineFeed ? lineFeed : carriageReturn;
}
