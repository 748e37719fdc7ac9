import { whenAborted } from "../../users/when-aborted.ts";
import type { Call } from "./call.ts";

/** Receives the body of a call's request, and counts its bytes. Once the call has ended, the rest is dropped. */
export function receive(call: Call, onPiece: (piece: Buffer) => void, onWhole: () => void): void {
  call.exchange.receive(
    (piece) => {
      if (call.isEnded) return;
      call.hold(piece.length);
      onPiece(piece);
    },
    () => {
      call.kind.arriving?.delete(call);
      if (!call.isEnded) onWhole();
    },
  );
}

/**
 * The body of a call's request, piece by piece. The sender is held back meanwhile.
 *
 * @throws ConnectError with which the call has ended, at once
 */
export async function* piecesOf(call: Call): AsyncGenerator<Buffer> {
  const { exchange } = call;
  const received: Buffer[] = [];
  let isWhole = false;
  let wake = () => {};
  const unlink = whenAborted(call.signal, () => wake());
  try {
    receive(
      call,
      (piece) => {
        received.push(piece);
        exchange.pause();
        wake();
      },
      () => {
        isWhole = true;
        wake();
      },
    );
    for (;;) {
      if (call.error !== undefined) throw call.error;
      const piece = received.shift();
      if (piece !== undefined) yield piece;
      else if (isWhole) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
          exchange.resume();
        });
      }
    }
  } finally {
    unlink();
  }
}
