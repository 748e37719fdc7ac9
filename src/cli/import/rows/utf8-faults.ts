import { isUtf8 } from "node:buffer";
import { carriageReturn, lineFeed } from "./line-ends.ts";

const maxSequenceBytes = 4;

/**
 * Finds where a text that comes in pieces is not UTF-8: which lines hold bytes that are none. Those who decode such bytes
 * see replacement characters, which a text can hold by itself too.
 */
export class Utf8Faults {
  /** Where lines with a fault begin, in order. */
  readonly #faults: number[] = [];
  /** How many bytes have been looked at. */
  #seen = 0;
  /** The beginning of a character whose end has not come. */
  #begun = Buffer.alloc(0);

  push(piece: Buffer): void {
    const bytes = this.#begun.length === 0 ? piece : Buffer.concat([this.#begun, piece]);
    const end = bytes.length - begunAtEnd(bytes);
    this.#look(bytes.subarray(0, end));
    this.#begun = Buffer.from(bytes.subarray(end));
  }

  /** The text ends here. */
  end(): void {
    this.#look(this.#begun);
    this.#begun = Buffer.alloc(0);
  }

  /**
   * Whether there is a fault in the bytes that have come since the last time that it was asked.
   *
   * @param to the byte before which they end, counted from the text's beginning
   */
  takeBefore(to: number): boolean {
    const { length } = this.#faults;
    while ((this.#faults[0] ?? to) < to) this.#faults.shift();
    return this.#faults.length < length;
  }

  /** @param bytes whole characters, as far as they are some */
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

/** Where the line ends, or a part of it, that begins at `from`. */
function lineEndAfter(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== lineFeed && bytes[at] !== carriageReturn) at++;
  return Math.min(at + 1, bytes.length);
}

/** How many of the last bytes are the beginning of a character, whose end may follow. */
function begunAtEnd(bytes: Buffer): number {
  for (let back = 1; back < maxSequenceBytes && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return size > back ? back : 0;
  }
  return 0;
}
