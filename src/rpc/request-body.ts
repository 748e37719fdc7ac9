import type { Readable } from "node:stream";
import type { ConnectError } from "@connectrpc/connect";
import { limits } from "../users/limits.ts";
import { canceled } from "./errors.ts";
import { EnvelopeReader, type MessageLimit, tooLarge } from "./messages/envelopes.ts";
import { GatheredBytes } from "./messages/gathered-bytes.ts";

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

/** Takes note of so many bytes more, or fewer, that a request or its answer holds. */
export type Hold = (more: number) => void;

/** Told when the first of a body is asked for, and when all of it has been read. */
interface Reading {
  onBegin(): void;
  onEnd(): void;
}

/**
 * The pieces of a request's body, with what they hold taken note of, until something ends the request: its deadline, say.
 * What would be wrong with the rest does not matter then.
 */
export async function* readUntilEnded(
  body: Readable,
  endedBy: { readonly error?: ConnectError },
  hold: Hold,
  reading: Reading,
): AsyncGenerator<Buffer> {
  reading.onBegin();
  for await (const piece of readPieces(body)) {
    hold(piece.length);
    if (endedBy.error !== undefined) throw endedBy.error;
    yield piece;
  }
  reading.onEnd();
  if (endedBy.error !== undefined) throw endedBy.error;
}

/**
 * One envelope after the other. Connect takes time with the square of an envelope's pieces, and answers nothing to what
 * comes in one piece with something that it cannot read.
 *
 * @param limit of each message
 * @throws ConnectError for a message that is too large, or that the body ends within
 */
export async function* inEnvelopes(pieces: AsyncIterable<Buffer>, limit: MessageLimit): AsyncGenerator<Buffer> {
  const envelopes = new EnvelopeReader(limit);
  for await (const piece of pieces) {
    envelopes.add(piece);
    for (let next = envelopes.next(); next !== undefined; next = envelopes.next()) yield next;
  }
  envelopes.end();
}

/**
 * The only message of a body, which has no prefix.
 *
 * @throws ConnectError for one that is too large
 */
export async function wholeBody(pieces: AsyncIterable<Buffer>, limit: MessageLimit): Promise<Buffer> {
  const maxBytes = limits[limit];
  const gathered = new GatheredBytes();
  for await (const piece of pieces) {
    if (gathered.length + piece.length > maxBytes) throw tooLarge(limit);
    gathered.add(piece, maxBytes);
  }
  return gathered.take();
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
