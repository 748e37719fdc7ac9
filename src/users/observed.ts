/**
 * When a user's properties were observed: a mark for each property that was last written with a time, also for one that
 * was removed. A property without a mark is older than any mark.
 *
 * Packed, for each mark: u8 length of the name, the name, u64 little-endian microseconds since 1970.
 */
import { limits } from "./limits.ts";

/** Microseconds since 1970 by names, which are UTF-8 bytes written as latin1. */
export type Marks = Map<string, number>;

/** Whether the bytes are packed marks, each of a name of its own. */
export function areMarks(packed: Uint8Array): boolean {
  const names = new Set<string>();
  const view = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  let pos = 0;
  let count = 0;
  while (pos < packed.length) {
    const length = packed[pos] ?? 0;
    const end = pos + 1 + length + timeBytes;
    if (length === 0 || length > limits.maxPropertyNameBytes || end > packed.length) return false;
    if (view.readBigUInt64LE(end - timeBytes) > Number.MAX_SAFE_INTEGER) return false;
    names.add(view.toString("latin1", pos + 1, pos + 1 + length));
    count++;
    pos = end;
  }
  return names.size === count;
}

const timeBytes = 8;

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
