/** Writes the parts of a header block: RFC 7541, section 5. */
import { plainText, type Representation } from "./representations.ts";

/** The most octets of an integer of up to 2^28. */
export const maxIntegerOctets = 5;

export class BlockWriter {
  readonly #bytes: Buffer;
  #at = 0;

  /** @param maxBytes at least the size of the block */
  constructor(maxBytes: number) {
    this.#bytes = Buffer.allocUnsafe(maxBytes);
  }

  /** An integer, and the flag of its representation: section 5.1. */
  integer(value: number, { flag, mask }: Representation): void {
    if (value < mask) {
      this.#bytes[this.#at++] = flag | value;
      return;
    }
    this.#bytes[this.#at++] = flag | mask;
    let rest = value - mask;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#at++] = 0x80 | rest;
    this.#bytes[this.#at++] = rest;
  }

  /** A string literal in latin1. It has no Huffman code, which costs more time than its few bytes do: section 5.2. */
  text(text: string): void {
    this.integer(text.length, plainText);
    this.#at += this.#bytes.write(text, this.#at, "latin1");
  }

  block(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}
