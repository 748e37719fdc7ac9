import { carriageReturn, lineFeed } from "./line-ends.ts";

/** How a CSV file is written, judged by its header. */
export interface CsvLayout {
  /** Whether its records end with a lone carriage return, as on old Macs. */
  readonly endsWithCarriageReturns: boolean;
  /** Whether names of columns have spaces around them, outside of quotes. */
  readonly hasSpaces: boolean;
}

const quote = 0x22;

/**
 * @param head beginning of the file
 * @param delimiter byte between cells
 * @param isWhole whether the head is the whole file
 * @returns undefined if the header does not end in the head
 */
export function layoutOf(head: Buffer, delimiter: number, isWhole: boolean): CsvLayout | undefined {
  let endsWithCarriageReturns: boolean | undefined;
  let hasSpaces = false;
  let inQuotes = false;
  let isBlank = true;
  let before = delimiter;
  for (let at = 0; at < head.length; at++) {
    const byte = head[at] ?? 0;
    if (byte === quote) inQuotes = !inQuotes;
    else if (!inQuotes) {
      const endsLine = byte === lineFeed || byte === carriageReturn;
      if (isSpace(byte, delimiter) && before === delimiter) hasSpaces = true;
      if ((endsLine || byte === delimiter) && isSpace(before, delimiter)) hasSpaces = true;
      if (endsLine) {
        if (byte === carriageReturn && at === head.length - 1 && !isWhole) return undefined;
        endsWithCarriageReturns ??= byte === carriageReturn && head[at + 1] !== lineFeed;
        if (!isBlank) return { endsWithCarriageReturns, hasSpaces };
        before = delimiter;
        continue;
      }
    }
    isBlank = false;
    before = byte;
  }
  if (isSpace(before, delimiter)) hasSpaces = true;
  return isWhole ? { endsWithCarriageReturns: endsWithCarriageReturns ?? false, hasSpaces } : undefined;
}

/** Whether a byte is a space or a tab. */
export function isSpace(byte: number, delimiter: number): boolean {
  return (byte === 0x20 || byte === 0x09) && byte !== delimiter;
}
