/** Walks over the fields of an encoded message without decoding them: https://protobuf.dev/programming-guides/encoding/ */

export const wireTypes = { varint: 0, fixed64: 1, lengthDelimited: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

/** The limit of protobuf's runtimes. */
const maxGroupDepth = 100;
const maxTagBytes = 5;
const maxVarintBytes = 10;

/**
 * Walks over fields. After `next()` returns true, the field with its tag is the bytes [start, end), and its content is
 * [contentStart, end). To continue elsewhere, for example inside a nested message, set `end`.
 */
export class FieldCursor {
  readonly bytes: Uint8Array;
  number = 0;
  wireType = 0;
  start = 0;
  contentStart = 0;
  end = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The field's number and wire type, as they are encoded. */
  get tag(): number {
    return (this.number << 3) | this.wireType;
  }

  get content(): Uint8Array {
    return this.bytes.subarray(this.contentStart, this.end);
  }

  /**
   * Moves to the next field; false after the last.
   *
   * @param limit where the message ends
   * @throws RangeError if the bytes are not protobuf
   */
  next(limit = this.bytes.length): boolean {
    this.start = this.end;
    if (this.start >= limit) return false;
    this.#tag();
    this.#skip();
    if (this.end > limit) throw malformed();
    return true;
  }

  #tag(): void {
    const tag = this.#varint(maxTagBytes);
    this.number = tag >>> 3;
    this.wireType = tag & 7;
    this.contentStart = this.end;
    if (this.number === 0) throw malformed();
  }

  /** Moves `end` behind the field whose tag has been read. */
  #skip(): void {
    switch (this.wireType) {
      case wireTypes.varint:
        this.#varint();
        break;
      case wireTypes.fixed64:
        this.end += 8;
        break;
      case wireTypes.lengthDelimited: {
        const length = this.#varint();
        // Checked before the addition, so that positions stay small integers, for which V8 needs no objects.
        if (length < 0 || length > this.bytes.length) throw malformed();
        this.contentStart = this.end;
        this.end += length;
        break;
      }
      case wireTypes.groupStart:
        this.#skipGroup();
        break;
      case wireTypes.fixed32:
        this.end += 4;
        break;
      default:
        throw malformed();
    }
  }

  /** Groups may hold groups. */
  #skipGroup(): void {
    const { number, contentStart } = this;
    const open = [number];
    while (open.length > 0) {
      this.#tag();
      if (this.wireType === wireTypes.groupStart) {
        if (open.push(this.number) > maxGroupDepth) throw malformed();
      } else if (this.wireType !== wireTypes.groupEnd) this.#skip();
      else if (open.pop() !== this.number) throw malformed();
    }
    this.number = number;
    this.wireType = wireTypes.groupStart;
    this.contentStart = contentStart;
  }

  /** Reads at `end`; the lower 32 bits, with a sign. */
  #varint(maxBytes = maxVarintBytes): number {
    const { bytes } = this;
    let value = 0;
    for (let index = 0; index < maxBytes; index++) {
      const byte = bytes[this.end++];
      if (byte === undefined) throw malformed();
      if (index < maxTagBytes) value |= (byte & 0x7f) << (7 * index);
      if (byte >= 0x80) continue;
      // 32 bits have room for four bits of the fifth byte.
      if (maxBytes === maxTagBytes && index === maxTagBytes - 1 && byte > 0x0f) throw malformed();
      return value;
    }
    throw malformed();
  }
}

function malformed(): RangeError {
  return new RangeError("not a protobuf message");
}
