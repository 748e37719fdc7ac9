import type { Readable } from "node:stream";
import { limits } from "../users/limits.ts";
import { EnvelopeReader } from "./envelopes.ts";
import { canceled } from "./errors.ts";
import { GatheredBytes } from "./gathered-bytes.ts";

/** What is read at least, before it is passed on, of a message that comes without a prefix. */
const blockBytes = 64 * 1024;

/**
 * The pieces of a request's body. Who takes no more of them leaves the stream as it is: it can still be answered.
 *
 * @throws ConnectError CANCELED where the caller goes away before the end
 */
export async function* readPieces(body: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const piece of body.iterator({ destroyOnReturn: false })) yield piece;
  } catch {
    throw canceled();
  }
}

/**
 * One envelope after the other. Connect takes time with the square of an envelope's pieces, and answers nothing to what
 * comes in one piece with something that it cannot read.
 *
 * @throws ConnectError for a message that is too large, or that the body ends within
 */
export async function* inEnvelopes(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const envelopes = new EnvelopeReader(limits.maxRequestBytes);
  for await (const piece of pieces) {
    envelopes.add(piece);
    for (let next = envelopes.next(); next !== undefined; next = envelopes.next()) yield next;
  }
  envelopes.end();
}

/** The same bytes in fewer pieces, each of which takes memory of its own. */
export async function* inBlocks(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const block = new GatheredBytes();
  for await (const piece of pieces) {
    block.add(piece);
    if (block.length >= blockBytes) yield block.take();
  }
  if (block.length > 0) yield block.take();
}

/**
 * Drops the rest of a request's body, also where somebody still waits for it. What nobody reads stays in memory, and
 * keeps its stream, and so its connection, from closing.
 */
export function letGo(body: Readable): void {
  body.removeAllListeners("readable");
  // With a listener it also flows on after an iterator, which ends later, has removed its own.
  body.on("data", drop).resume();
}

function drop(): void {}
