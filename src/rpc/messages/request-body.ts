import { limits } from "../../users/limits.ts";
import { EnvelopeReader, type MessageLimit, tooLarge } from "./envelopes.ts";
import { GatheredBytes } from "./gathered-bytes.ts";

/**
 * Splits a body into envelopes. Connect's own takes time with the square of an envelope's pieces, and does not answer messages
 * that arrive in one piece with an unreadable one.
 *
 * @param limit of each message
 * @throws ConnectError for a message that is too large or incomplete
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
 * The only message of a body without prefixes.
 *
 * @throws ConnectError for a message that is too large
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
