/** Reads the parts of a header block: RFC 7541, section 5. */
import { HpackError } from "./hpack-error.ts";
import { decodeHuffman } from "./huffman.ts";
import { huffmanText } from "./representations.ts";

/** An integer has at most so many bits after its prefix. That is far more than a block or a table has bytes. */
const maxIntegerBits = 28;

export class BlockReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  /** A block from `from` up to `to`. */
  constructor(bytes: Buffer, from: number, to: number) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  /** The first octet of the next field, or -1 at the end of the block. */
  next(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at++] ?? 0) : -1;
  }

  /**
   * An integer: section 5.1.
   *
   * @param first the octet in which it begins, already read
   * @param mask of the bits of `first` that belong to it
   * @throws HpackError for a number over 2^28, or more octets than such a number needs
   */
  integer(first: number, mask: number): number {
    const prefix = first & mask;
    return prefix < mask ? prefix : mask + this.#rest();
  }

  /** The part of an integer after its prefix. It is apart, so that V8 inlines the frequent case above. */
  #rest(): number {
    let value = 0;
    for (let shift = 0; shift < maxIntegerBits; shift += 7) {
      const octet = this.#octet();
      value += (octet & 0x7f) << shift;
      if (octet < 0x80) return value;
    }
    throw new HpackError("an integer is too long");
  }

  /**
   * A string literal, as latin1: section 5.2.
   *
   * @throws HpackError if it is longer than the rest of the block, or badly coded
   */
  text(): string {
    const first = this.#octet();
    const length = this.integer(first, huffmanText.mask);
    const from = this.#at;
    const to = from + length;
    if (to > this.#end) throw new HpackError("a string is longer than the block");
    this.#at = to;
    return first >= huffmanText.flag ? decodeHuffman(this.#bytes, from, to) : this.#bytes.toString("latin1", from, to);
  }

  /** @throws HpackError at the end of the block */
  #octet(): number {
    const octet = this.next();
    if (octet < 0) throw new HpackError("the block ends within a field");
    return octet;
  }
}
