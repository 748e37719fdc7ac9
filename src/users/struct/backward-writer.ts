const firstBytes = 16 * 1024;
/** A larger buffer is given back. */
const maxKeptBytes = 4 * 1024 * 1024;
/** Up to this, text is written letter by letter, since a call into Node takes longer; its length is one byte. */
const maxShortText = 40;

/**
 * Writes protobuf's wire format from its end to its beginning: what is in a message is written before its length, which is
 * known by then, and nothing is measured or moved. So the parts of a message are written in reverse.
 */
export class BackwardWriter {
  #bytes: Buffer = Buffer.allocUnsafe(firstBytes);
  #view = viewOf(this.#bytes);
  /** Where what is written begins. */
  #pos = this.#bytes.length;

  /** How many bytes are written. Between two times it tells the length of what was written meanwhile. */
  get length(): number {
    return this.#bytes.length - this.#pos;
  }

  /** What is written, until the next time that something is. */
  written(): Uint8Array {
    return this.#bytes.subarray(this.#pos);
  }

  clear(): void {
    if (this.#bytes.length > maxKeptBytes) this.#use(Buffer.allocUnsafe(firstBytes));
    this.#pos = this.#bytes.length;
  }

  /** Makes room for so many bytes at once, in place of more and more of it. */
  makeRoom(bytes: number): void {
    if (this.#pos < bytes) this.#grow(bytes, bytes + this.length);
  }

  byte(value: number): void {
    if (this.#pos === 0) this.#grow(1);
    this.#bytes[--this.#pos] = value;
  }

  /** @param value an unsigned integer below 2^31 */
  varint(value: number): void {
    if (value < 0x80) {
      this.byte(value);
      return;
    }
    if (this.#pos < 5) this.#grow(5);
    const size = value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
    this.#pos -= size;
    let at = this.#pos;
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[at++] = (rest & 0x7f) | 0x80;
    this.#bytes[at] = rest;
  }

  /** The tag and the length in front of a field's content that has been written since `length` was `before`. */
  head(tag: number, before: number): void {
    this.varint(this.length - before);
    this.byte(tag);
  }

  double(value: number): void {
    if (this.#pos < 8) this.#grow(8);
    this.#pos -= 8;
    this.#view.setFloat64(this.#pos, value, true);
  }

  bytes(content: Uint8Array): void {
    if (this.#pos < content.length) this.#grow(content.length);
    this.#pos -= content.length;
    this.#bytes.set(content, this.#pos);
  }

  /** A field of the bytes [start, end) of `source`. */
  rangeField(tag: number, source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (this.#pos < size) this.#grow(size);
    this.#pos -= size;
    if (size > maxShortText) this.#bytes.set(source.subarray(start, end), this.#pos);
    else for (let from = start, to = this.#pos; from < end; from++, to++) this.#bytes[to] = source[from] ?? 0;
    this.varint(size);
    this.byte(tag);
  }

  /**
   * A field of text. Answers false, and has written nothing, where it is not valid Unicode.
   *
   * @param tag of one byte
   */
  textField(tag: number, text: string): boolean {
    if (this.#shortAsciiField(tag, text)) return true;
    const size = Buffer.byteLength(text);
    if (size !== text.length && !text.isWellFormed()) return false;
    if (this.#pos < size) this.#grow(size);
    this.#pos -= size;
    this.#bytes.write(text, this.#pos);
    this.varint(size);
    this.byte(tag);
    return true;
  }

  /** Writes the field if its text is short and ASCII; else answers false and has written nothing. */
  #shortAsciiField(tag: number, text: string): boolean {
    const { length } = text;
    if (length > maxShortText) return false;
    if (this.#pos < length + 2) this.#grow(length + 2);
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

  /** Makes room for at least so many bytes more. */
  #grow(size: number, capacity = 2 * (this.#bytes.length + size)): void {
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
