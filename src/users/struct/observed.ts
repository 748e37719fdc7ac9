/**
 * When a user's properties were observed: a mark for each property that was last written with a time. A mark without its
 * property is a tombstone: it says when the property was removed. A property without a mark is older than any mark.
 *
 * Packed, for each mark: u8 length of the name, the name, u64 little-endian microseconds since 1970.
 */
import { limits } from "../limits.ts";

/** Microseconds since 1970 by names, which are UTF-8 bytes written as latin1. */
export type Marks = Map<string, number>;

const timeBytes = 8;

/** @returns undefined if the bytes are not packed marks with distinct names */
export function readMarks(packed: Uint8Array): Marks | undefined {
  const view = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  const marks: Marks = new Map();
  let count = 0;
  for (let pos = 0; pos < view.length; count++) {
    const length = view[pos] ?? 0;
    const nameEnd = pos + 1 + length;
    const end = nameEnd + timeBytes;
    if (length === 0 || length > limits.maxPropertyNameBytes || end > view.length) return undefined;
    const time = Number(view.readBigUInt64LE(nameEnd));
    if (time > Number.MAX_SAFE_INTEGER) return undefined;
    marks.set(view.toString("latin1", pos + 1, nameEnd), time);
    pos = end;
  }
  return marks.size === count ? marks : undefined;
}

export function packMarks(marks: ReadonlyMap<string, number>): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [name, time] of marks) {
    const piece = Buffer.alloc(1 + name.length + timeBytes);
    piece.writeUInt8(name.length);
    piece.write(name, 1, "latin1");
    piece.writeBigUInt64LE(BigInt(time), 1 + name.length);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
