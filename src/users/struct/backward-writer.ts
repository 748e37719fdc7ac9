const firstBytes = 16 * 1024;
/** A larger buffer is dropped by `clear`. */
const maxKeptBytes = 4 * 1024 * 1024;
/** Shorter text is written letter by letter, because a call into Node takes longer. Its length takes one byte. */
const maxShortText = 40;

/**
 * Writes protobuf's wire format from its end to its beginning, so the parts of a message are written in reverse. The length
 * of a message is known once its content is written: nothing is measured before or moved after.
 */
export class BackwardWriter {
  #bytes: Buffer = Buffer.allocUnsafe(firstBytes);
  #view = viewOf(this.#bytes);
  /** Where the written bytes begin. */
  #pos = this.#bytes.length;

  /** How many bytes are written. The difference of two lengths is the size of what was written in between. */
  get length(): number {
    return this.#bytes.length - this.#pos;
  }

  /** The written bytes; valid until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(this.#pos);
  }

  clear(): void {
    if (this.#bytes.length > maxKeptBytes) this.#use(Buffer.allocUnsafe(firstBytes));
    this.#pos = this.#bytes.length;
  }

  /** Makes room for so many bytes at once, instead of growing step by step. */
  makeRoom(bytes: number): void {
    if (this.#pos < bytes) this.#resize(bytes + this.length);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[--this.#pos] = value;
  }

  /** @param value an unsigned integer below 2^31 */
  varint(value: number): void {
    if (value < 0x80) {
      this.byte(value);
      return;
    }
    this.#reserve(5);
    const size = value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
    this.#pos -= size;
    let at = this.#pos;
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[at++] = (rest & 0x7f) | 0x80;
    this.#bytes[at] = rest;
  }

  /** Writes the tag and the length of a field whose content was written since `length` was `before`. */
  head(tag: number, before: number): void {
    this.varint(this.length - before);
    this.byte(tag);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#pos -= 8;
    this.#view.setFloat64(this.#pos, value, true);
  }

  bytes(content: Uint8Array): void {
    this.#reserve(content.length);
    this.#pos -= content.length;
    this.#bytes.set(content, this.#pos);
  }

  /** A field of the bytes [start, end) of `source`. */
  rangeField(tag: number, source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.#reserve(size);
    this.#pos -= size;
    if (size > maxShortText) this.#bytes.set(source.subarray(start, end), this.#pos);
    else for (let from = start, to = this.#pos; from < end; from++, to++) this.#bytes[to] = source[from] ?? 0;
    this.varint(size);
    this.byte(tag);
  }

  /**
   * Writes a field of text, unless that is not valid Unicode.
   *
   * @param tag of one byte
   * @returns whether it was written
   */
  textField(tag: number, text: string): boolean {
    if (this.#shortAsciiField(tag, text)) return true;
    const size = Buffer.byteLength(text);
    if (size !== text.length && !text.isWellFormed()) return false;
    this.#reserve(size);
    this.#pos -= size;
    this.#bytes.write(text, this.#pos);
    this.varint(size);
    this.byte(tag);
    return true;
  }

  /** Writes the field if its text is short and ASCII. @returns whether it was written */
  #shortAsciiField(tag: number, text: string): boolean {
    const { length } = text;
    if (length > maxShortText) return false;
    this.#reserve(length + 2);
    const bytes = this.#bytes;
    const start = this.#pos - length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) return false;
      bytes[start + i] = code;
    }
    bytes[start - 1] = length;
    bytes[start - 2] = tag;
    this.#pos = start - 2;
    return true;
  }

  /** Makes room for so many bytes more. */
  #reserve(size: number): void {
    if (this.#pos < size) this.#resize(2 * (this.#bytes.length + size));
  }

  #resize(capacity: number): void {
    const { length } = this;
    const grown = Buffer.allocUnsafe(capacity);
    this.#bytes.copy(grown, grown.length - length, this.#pos);
    this.#use(grown);
    this.#pos = grown.length - length;
  }

  #use(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
