/** What requests may be compressed with, and answers are. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

/** What is decompressed at a time: each piece is a turn of the event loop, and takes memory of its own. */
const leastPieceBytes = 16 * 1024;
const mostPieceBytes = 256 * 1024;
/** About how much text shrinks. */
const usualRatio = 4;

const sizeBytes = 4;

interface Bounds {
  readonly maxOutputLength: number;
  readonly chunkSize: number;
}
type Decompress = (bytes: Uint8Array, bounds: Bounds) => Promise<Buffer>;

/**
 * As Connect's own. Those decompress in pieces of 16 KiB, with which a few bytes that stand for millions take four times as
 * long, for everybody.
 */
export const compressions: readonly Compression[] = [
  { ...compressionGzip, decompress: bounded(promisify<Uint8Array, Bounds, Buffer>(gunzip), sizeInGzip) },
  { ...compressionBrotli, decompress: bounded(promisify<Uint8Array, Bounds, Buffer>(brotliDecompress)) },
];

/** What the last part of some gzip was before, in bytes, as it says itself: https://www.rfc-editor.org/rfc/rfc1952#page-6 */
function sizeInGzip({ buffer, byteOffset, length }: Uint8Array): number {
  return length < sizeBytes ? 0 : new DataView(buffer, byteOffset + length - sizeBytes).getUint32(0, true);
}

/** @param leastSize that what is decompressed has, for all that can be told beforehand */
function bounded(
  decompress: Decompress,
  leastSize: (bytes: Uint8Array) => number = () => 0,
): Compression["decompress"] {
  return async (bytes, readMaxBytes) => {
    if (bytes.length === 0) return new Uint8Array();
    if (leastSize(bytes) > readMaxBytes) throw tooLarge(readMaxBytes);
    const chunkSize = Math.min(Math.max(bytes.length * usualRatio, leastPieceBytes), mostPieceBytes);
    try {
      const { buffer, byteOffset, length } = await decompress(bytes, { maxOutputLength: readMaxBytes, chunkSize });
      if (!(buffer instanceof ArrayBuffer)) throw new TypeError("what was decompressed lies in shared memory");
      return new Uint8Array(buffer, byteOffset, length);
    } catch (error) {
      if (error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") {
        throw tooLarge(readMaxBytes);
      }
      throw new ConnectError("decompression failed", Code.Internal);
    }
  };
}

function tooLarge(maxBytes: number): ConnectError {
  return new ConnectError(`message is larger than ${maxBytes} bytes`, Code.ResourceExhausted);
}
