/** Gathers pieces of bytes in one buffer of at most four times their size, however small they are. */
export class GatheredBytes {
  #buffer: Buffer = nothing;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param most bytes in all, until they are taken: the buffer is no larger */
  add(piece: Uint8Array, most = Number.POSITIVE_INFINITY): void {
    this.addRange(piece, 0, piece.length, most);
  }

  /** Adds the bytes [start, end) of `source`. For a few bytes, a view of them would take longer than they do. */
  addRange(source: Uint8Array, start: number, end: number, most = Number.POSITIVE_INFINITY): void {
    const length = this.#length + end - start;
    if (length > this.#buffer.length) {
      // A part of Node's pool would keep 64 KiB.
      const larger = Buffer.allocUnsafeSlow(Math.max(length, Math.min(4 * length, most)));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    if (end - start > maxByteByByte) this.#buffer.set(source.subarray(start, end), this.#length);
    else for (let at = start, to = this.#length; at < end; at++, to++) this.#buffer[to] = source[at] ?? 0;
    this.#length = length;
  }

  /** The bytes so far. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Returns the bytes so far, and starts over. */
  take(): Buffer {
    const { bytes } = this;
    this.#buffer = nothing;
    this.#length = 0;
    return bytes;
  }
}

const nothing: Buffer = Buffer.alloc(0);
const maxByteByByte = 32;
