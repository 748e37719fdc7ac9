/**
 * When a user's properties were observed: a mark for each property that was last written with a time, also for one that
 * was removed. A property without a mark is older than any mark.
 *
 * Packed, for each mark: u8 length of the name, the name, u64 little-endian microseconds since 1970.
 */

/** Microseconds since 1970 by names, which are UTF-8 bytes written as latin1. */
export type Marks = Map<string, number>;

/** @throws RangeError if the packed marks end early */
export function readMarks(packed: Uint8Array): Marks {
  const view = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  const marks: Marks = new Map();
  for (let pos = 0; pos < view.length; ) {
    const nameEnd = pos + 1 + view.readUInt8(pos);
    marks.set(view.toString("latin1", pos + 1, nameEnd), Number(view.readBigUInt64LE(nameEnd)));
    pos = nameEnd + 8;
  }
  return marks;
}

export function packMarks(marks: ReadonlyMap<string, number>): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [name, time] of marks) {
    const piece = Buffer.alloc(1 + name.length + 8);
    piece.writeUInt8(name.length);
    piece.write(name, 1, "latin1");
    piece.writeBigUInt64LE(BigInt(time), 1 + name.length);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
