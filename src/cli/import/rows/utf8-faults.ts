import { isUtf8 } from "node:buffer";
import { carriageReturn, lineFeed } from "./line-ends.ts";

const maxSequenceBytes = 4;

/**
 * Finds the lines of a text that are not UTF-8, while it arrives in pieces. Decoding alone does not tell: it gives replacement
 * characters, which a text may have itself.
 */
export class Utf8Faults {
  /** Where lines with faults begin, in order. */
  readonly #faults: number[] = [];
  /** How many bytes have been checked. */
  #seen = 0;
  /** The beginning of a character that has not ended yet. */
  #begun = Buffer.alloc(0);

  push(piece: Buffer): void {
    const bytes = this.#begun.length === 0 ? piece : Buffer.concat([this.#begun, piece]);
    const end = bytes.length - begunAtEnd(bytes);
    this.#look(bytes.subarray(0, end));
    this.#begun = Buffer.from(bytes.subarray(end));
  }

  /** Ends the text. */
  end(): void {
    this.#look(this.#begun);
    this.#begun = Buffer.alloc(0);
  }

  /**
   * Whether there is a fault in the bytes since the last call.
   *
   * @param to where they end, in bytes from the beginning of the text
   */
  takeBefore(to: number): boolean {
    const { length } = this.#faults;
    while ((this.#faults[0] ?? to) < to) this.#faults.shift();
    return this.#faults.length < length;
  }

  /** @param bytes end with a whole character */
  #look(bytes: Buffer): void {
    if (!isUtf8(bytes)) {
      for (let from = 0; from < bytes.length; ) {
        const to = lineEndAfter(bytes, from);
        if (!isUtf8(bytes.subarray(from, to))) this.#faults.push(this.#seen + from);
        from = to;
      }
    }
    this.#seen += bytes.length;
  }
}

/** Where the line from `from` on ends, or the text. */
function lineEndAfter(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== lineFeed && bytes[at] !== carriageReturn) at++;
  return Math.min(at + 1, bytes.length);
}

/** How many of the last bytes begin a character that may go on. */
function begunAtEnd(bytes: Buffer): number {
  for (let back = 1; back < maxSequenceBytes && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return size > back ? back : 0;
  }
  return 0;
}
