import type { OutgoingHttpHeaders } from "node:http";
import type { Call } from "./call.ts";

/** Answers are written in pieces of this size, so that a slow reader is seen to move. */
const pieceBytes = 64 * 1024;

/** Writes one of several messages. Resolves when there is room for more, or nothing can be sent any more. */
export async function writeMessage(call: Call, message: Uint8Array): Promise<void> {
  const { exchange } = call;
  for (const piece of inPieces(message)) {
    if (exchange.isGone) return;
    if (exchange.write(piece)) continue;
    call.hold(message.length);
    await exchange.drained();
    call.hold(-message.length);
  }
}

/**
 * Writes the answer of a unary call, or a part of it.
 *
 * @param answerBytes of the answer so far, with this part. The call holds them, and no more of its request, until it closes
 */
export async function writeUnary(call: Call, message: Uint8Array, answerBytes: number): Promise<void> {
  const { exchange } = call;
  const { budget } = call.environment;
  budget.set(call, answerBytes);
  for (const piece of inPieces(message)) {
    if (exchange.isGone) return;
    if (!exchange.write(piece)) await exchange.drained();
    budget.move(call);
  }
}

/**
 * Writes the answer of a unary call, and ends it.
 *
 * @returns undefined where all of it has been written at once
 */
export function endWith(call: Call, message: Uint8Array, trailers: OutgoingHttpHeaders): Promise<void> | undefined {
  const { exchange } = call;
  if (message.length > pieceBytes) {
    return writeUnary(call, message, message.length).then(() => exchange.end(undefined, trailers));
  }
  call.environment.budget.set(call, message.length);
  exchange.end(message, trailers);
  return undefined;
}

/** Views, not copies. */
function* inPieces(message: Uint8Array): Generator<Uint8Array> {
  let at = 0;
  for (; message.length - at > pieceBytes; at += pieceBytes) yield message.subarray(at, at + pieceBytes);
  yield at === 0 ? message : message.subarray(at);
}
