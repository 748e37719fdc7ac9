/** Numbers, texts and bytes in sequence in one buffer, little-endian. */

/** A short text has its length in one byte. */
export const maxShortBytes = 255;
/** The most bytes of a UTF-16 code unit in UTF-8. */
const maxBytesPerUnit = 3;

/** A buffer that grows. Its memory is not shared, so that it can be transferred to a thread. */
export class PackedWriter {
  #buffer: Buffer<ArrayBuffer>;
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

  /** Bytes without their length. */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  bytes(bytes: Uint8Array): this {
    const at = this.u32(bytes.length).#reserve(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** The written bytes; a view, not a copy. */
  finish(): Buffer<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }

  /** @returns how many bytes the text takes */
  #utf8(text: string): number {
    const at = this.#reserve(text.length * maxBytesPerUnit);
    const length = this.#buffer.write(text, at);
    this.#length = at + length;
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

/** Parts of a buffer with so many bytes are read as copies: a view that somebody keeps would keep all of the buffer. */
const minCopied = 256 * 1024;

/** Frees the memory of a buffer that has been read, if its parts are copies; else leaves it to the garbage collector. */
export function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteLength >= minCopied) buffer.transfer(0);
}

/** Reads what PackedWriter wrote. Reading beyond the end throws RangeError. */
export class PackedReader {
  readonly #buffer: Buffer;
  #pos = 0;
  readonly #copies: boolean;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#copies = bytes.length >= minCopied;
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
    return this.#text(this.u8());
  }

  shortBytes(): Buffer {
    return this.#take(this.u8());
  }

  text(): string {
    return this.#text(this.u16());
  }

  /** The bytes of what `text` reads. */
  textBytes(): Buffer {
    return this.#take(this.u16());
  }

  bytes(): Buffer {
    return this.#take(this.u32());
  }

  #text(length: number): string {
    const start = this.#skip(length);
    return this.#buffer.toString("utf8", start, start + length);
  }

  #take(length: number): Buffer {
    const start = this.#skip(length);
    const bytes = this.#buffer.subarray(start, start + length);
    return this.#copies ? Buffer.from(bytes) : bytes;
  }

  /** @returns where the skipped bytes start */
  #skip(length: number): number {
    const start = this.#pos;
    const end = start + length;
    if (end > this.#buffer.length) throw new RangeError("packed data ends early");
    this.#pos = end;
    return start;
  }
}
