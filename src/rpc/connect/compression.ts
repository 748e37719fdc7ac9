/** What requests may be compressed with, and answers are. Requests are decompressed here, within a bound. */
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, type ZlibOptions } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { limits } from "../../users/limits.ts";
import { type MessageLimit, tooLarge } from "../messages/envelopes.ts";

/** What is decompressed at a time: each piece is a turn of the event loop, and takes memory of its own. */
const leastPieceBytes = 16 * 1024;
const mostPieceBytes = 256 * 1024;
/** About how much text shrinks. */
const usualRatio = 4;

const sizeBytes = 4;

/**
 * Decompresses one message.
 *
 * @param limit of its bytes then
 * @param before bytes to leave free in front of it
 * @param onPiece called with the size of each piece before the next is made; what it throws ends the work
 * @throws ConnectError RESOURCE_EXHAUSTED for a larger one, INTERNAL for one that is damaged
 */
export type Decompress = (
  bytes: Uint8Array,
  limit: MessageLimit,
  before: number,
  onPiece: (bytes: number) => void,
) => Promise<Buffer>;

/**
 * In place of Connect's own. Those decompress in pieces of 16 KiB, which takes four times as long for a bomb and holds up every
 * call meanwhile, and they leave the pieces to the garbage collector, whose pauses do so again.
 */
const decompressors: ReadonlyMap<string, Decompress> = new Map([
  [compressionGzip.name, bounded(createGunzip, sizeInGzip)],
  [compressionBrotli.name, bounded(createBrotliDecompress)],
]);

/** @returns undefined for a compression that is not known, and where there is none */
export function decompressorOf(name: string | null): Decompress | undefined {
  return name === null ? undefined : decompressors.get(name);
}

/** What answers are compressed with. */
export const compressions: readonly Compression[] = [compressionGzip, compressionBrotli];

/** What the last part of some gzip was before, in bytes, as it says itself: https://www.rfc-editor.org/rfc/rfc1952#page-6 */
function sizeInGzip({ buffer, byteOffset, length }: Uint8Array): number {
  return length < sizeBytes ? 0 : new DataView(buffer, byteOffset + length - sizeBytes).getUint32(0, true);
}

/** @param leastSize that what is decompressed has, for all that can be told beforehand */
function bounded(
  createDecompressor: (options: Pick<ZlibOptions, "chunkSize">) => Readable & NodeJS.WritableStream,
  leastSize: (bytes: Uint8Array) => number = () => 0,
): Decompress {
  return async (bytes, limit, before, onPiece) => {
    const maxBytes = limits[limit];
    if (bytes.length === 0) return Buffer.alloc(before);
    if (leastSize(bytes) > maxBytes) throw tooLarge(limit);
    const chunkSize = Math.min(Math.max(bytes.length * usualRatio, leastPieceBytes), mostPieceBytes);
    const decompressor = createDecompressor({ chunkSize });
    decompressor.end(bytes);
    const pieces: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const piece of decompressor) {
        pieces.push(piece);
        length += piece.length;
        if (length > maxBytes) throw tooLarge(limit);
        onPiece(piece.length);
      }
      return joined(pieces, before + length, before);
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      throw new ConnectError("decompression failed", Code.Internal);
    } finally {
      for (const piece of pieces) giveBack(piece);
    }
  };
}

function joined(pieces: readonly Uint8Array[], length: number, start: number): Buffer {
  const all = Buffer.allocUnsafeSlow(length);
  let at = start;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Frees a piece that has its memory for itself: one that was filled to its end, which nobody else reads or writes any more. */
function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
