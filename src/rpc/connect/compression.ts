/** What compresses requests and answers. Requests are decompressed here, within a limit. */
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, type ZlibOptions } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { limits } from "../../users/limits.ts";
import { type MessageLimit, tooLarge } from "../messages/envelopes.ts";

/** A message is decompressed in pieces of these sizes. Each takes a turn of the event loop, and memory of its own. */
const leastPieceBytes = 16 * 1024;
const mostPieceBytes = 256 * 1024;
/** By how much text usually shrinks. */
const usualRatio = 4;
/** The field at the end of gzip that has the size of its content. */
const gzipSizeBytes = 4;

/**
 * Decompresses one message.
 *
 * @param limit on the bytes of the result
 * @param onPiece called with the size of each piece before the next is made; an error that it throws stops the work
 * @throws ConnectError RESOURCE_EXHAUSTED for a message beyond the limit, INTERNAL for a damaged one
 */
export type Decompress = (bytes: Uint8Array, limit: MessageLimit, onPiece: (bytes: number) => void) => Promise<Buffer>;

/**
 * Connect's own decompress in pieces of 16 KiB, which takes four times as long for a bomb and blocks all calls meanwhile. They
 * leave the pieces to the garbage collector, whose pauses block all calls again.
 */
const decompressors: ReadonlyMap<string, Decompress> = new Map([
  [compressionGzip.name, bounded(createGunzip, sizeInGzip)],
  [compressionBrotli.name, bounded(createBrotliDecompress)],
]);

/** @returns undefined for an unknown compression, and for none */
export function decompressorOf(name: string | null): Decompress | undefined {
  return name === null ? undefined : decompressors.get(name);
}

/**
 * Takes the compression out of a request's header.
 *
 * @returns what decompresses the body; undefined as for `decompressorOf`
 */
export function takeContentEncoding(header: Headers): Decompress | undefined {
  const name = header.get("content-encoding");
  const decompress = decompressorOf(name);
  if (name === null || decompress === undefined) return undefined;
  // Without Accept-Encoding, Connect compresses the answer as the request was.
  if (!header.has("accept-encoding")) header.set("accept-encoding", name);
  header.delete("content-encoding");
  return decompress;
}

/** What answers are compressed with. */
export const compressions: readonly Compression[] = [compressionGzip, compressionBrotli];

/** The size of the last member of some gzip, as it says itself: https://www.rfc-editor.org/rfc/rfc1952#page-6 */
function sizeInGzip(bytes: Uint8Array): number {
  const { buffer, byteOffset, length } = bytes;
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b && length >= gzipSizeBytes;
  return isGzip ? new DataView(buffer, byteOffset + length - gzipSizeBytes).getUint32(0, true) : 0;
}

/** @param leastSize the least size of the result, as far as the compressed bytes tell it */
function bounded(
  createDecompressor: (options: Pick<ZlibOptions, "chunkSize">) => Readable & NodeJS.WritableStream,
  leastSize: (bytes: Uint8Array) => number = () => 0,
): Decompress {
  return async (bytes, limit, onPiece) => {
    const maxBytes = limits[limit];
    if (bytes.length === 0) return Buffer.alloc(0);
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
      return Buffer.concat(pieces, length);
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      throw new ConnectError("decompression failed", Code.Internal);
    } finally {
      for (const piece of pieces) free(piece);
    }
  };
}

/** Frees the memory of a piece that fills all of it: nothing else reads or writes it any more. */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
