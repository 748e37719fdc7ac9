import type { Readable } from "node:stream";
import { canceled } from "./errors.ts";

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
 * Drops the rest of a request's body, also where somebody still waits for it. What nobody reads stays in memory, and
 * keeps its stream, and so its connection, from closing.
 */
export function letGo(body: Readable): void {
  body.removeAllListeners("readable");
  // With a listener it also flows on after an iterator, which ends later, has removed its own.
  body.on("data", drop).resume();
}

function drop(): void {}
