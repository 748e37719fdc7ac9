/** Numbers, texts and bytes one after the other in one buffer, little-endian. */

/** A buffer that grows, of which it owns the whole memory. */
export class PackedWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 4096) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#buffer.writeUInt8(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#buffer.writeUInt32LE(value, at);
    return this;
  }

  /** An integer up to 2^53. */
  u64(value: number): this {
    return this.u32(value % 2 ** 32).u32(Math.floor(value / 2 ** 32));
  }

  shortText(text: string): this {
    const at = this.#reserve(1);
    const length = this.#utf8(text);
    this.#buffer.writeUInt8(length, at);
    return this;
  }

  shortBytes(bytes: Uint8Array): this {
    const at = this.u8(bytes.length).#reserve(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#buffer.writeUInt16LE(value, at);
    return this;
  }

  text(text: string): this {
    const at = this.#reserve(2);
    const length = this.#utf8(text);
    this.#buffer.writeUInt16LE(length, at);
    return this;
  }

  bytes(bytes: Uint8Array): this {
    const at = this.u32(bytes.length).#reserve(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** What was written; no copy. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Answers how many bytes the text takes. */
  #utf8(text: string): number {
    const { length } = text;
    const at = this.#reserve(length);
    const buffer = this.#buffer;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) {
        const bytes = Buffer.byteLength(text);
        this.#reserve(bytes - length);
        return this.#buffer.write(text, at);
      }
      buffer[at + i] = unit;
    }
    return length;
  }

  #reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    return at;
  }
}

/** Reads what PackedWriter wrote. Reading beyond the end throws RangeError. */
export class PackedReader {
  readonly #buffer: Buffer;
  #pos = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  u8(): number {
    this.#pos += 1;
    return this.#buffer.readUInt8(this.#pos - 1);
  }

  /** Whether everything has been read. */
  get done(): boolean {
    return this.#pos === this.#buffer.length;
  }

  u16(): number {
    this.#pos += 2;
    return this.#buffer.readUInt16LE(this.#pos - 2);
  }

  u32(): number {
    this.#pos += 4;
    return this.#buffer.readUInt32LE(this.#pos - 4);
  }

  u64(): number {
    const low = this.u32();
    return this.u32() * 2 ** 32 + low;
  }

  shortText(): string {
    return this.#take(this.u8()).toString("utf8");
  }

  text(): string {
    return this.textBytes().toString("utf8");
  }

  /** Of a text with a length of two bytes; a view, not a copy. */
  textBytes(): Buffer {
    return this.#take(this.u16());
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    return this.#take(this.u32());
  }

  #take(length: number): Buffer {
    const end = this.#pos + length;
    if (end > this.#buffer.length) throw new RangeError("packed data ends early");
    const taken = this.#buffer.subarray(this.#pos, end);
    this.#pos = end;
    return taken;
  }
}
