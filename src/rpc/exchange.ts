import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { hasSeveralTokens, type Presented, type ShownNames } from "../credentials/principal.ts";

/**
 * One HTTP request and its answer, as the life of a call needs them, whatever speaks HTTP beneath. Once the connection or the
 * other end has closed it, nothing can be sent: `isGone` says so, and sending does nothing.
 */
export interface Exchange {
  readonly httpVersion: "1.1" | "2.0";
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** By names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  /** The names of the certificate that the other end has shown and the connection has verified. */
  readonly certificateNames: ShownNames | undefined;
  /** The connection that carries other exchanges at the same time; undefined for HTTP/1.1. */
  readonly connection: Connection | undefined;
  /** Bytes of the body that have arrived before anybody received them. */
  readonly unread: number;
  /** Whether all of the request is there and no answer waits to be sent: it is the server's turn. */
  readonly isWaiting: boolean;
  /** Whether the answer's headers have been sent. */
  readonly hasAnswered: boolean;
  readonly isGone: boolean;

  /** To be called once, before anything else. */
  watch(watcher: ExchangeWatcher): void;
  /** Resets the exchange once nothing has moved for so long, unless it is the server's turn. */
  resetWhenStalled(timeoutMs: number, onStalled: () => void): void;

  /** Hands over the body, piece by piece as it arrives, and then its end. To be called once. */
  receive(onPiece: (piece: Buffer) => void, onEnd: () => void): void;
  /** Holds the sender back, within the limits of what HTTP buffers. */
  pause(): void;
  resume(): void;

  /** Sets a header of the answer, whatever that will be. */
  setHeader(name: string, value: string): void;
  /** Begins an answer. Pieces and `end` follow. */
  begin(status: number, headers: OutgoingHttpHeaders): void;
  /** @returns whether there is room for more; `drained` tells when there is again */
  write(piece: Uint8Array): boolean;
  /** Resolves once there is room for more, or nothing can be sent any more. */
  drained(): Promise<void>;
  /** Ends the answer. What is left of the request is dropped. */
  end(lastPiece?: Uint8Array, trailers?: OutgoingHttpHeaders): void;
  /** Answers with headers alone. What is left of the request is dropped. */
  answer(status: number, headers: OutgoingHttpHeaders): void;
  /** Receives and forgets what is left of the request: unread, it would stay in memory and keep the exchange open. */
  drop(): void;
  /** Closes the connection of HTTP/1.1 once the answer has been sent, unless all of the request is there. */
  closeOnceAnswered(): void;
  /** Ends the exchange at once. HTTP/1.1 closes the connection for it. */
  reset(reason: ResetReason): void;
}

/** `calm` where the other end asks for too much. */
export type ResetReason = "cancel" | "calm" | "internal";

export interface ExchangeWatcher {
  /** Called when the other end, or the connection, ends the exchange before it is complete. */
  onAborted(): void;
  /** Called when all is over, however it ended. */
  onClosed(): void;
}

export interface Connection {
  /** Ends it for the harm that its requests do. */
  endForHarm(): void;
}

export type ExchangeHandler = (exchange: Exchange) => void;

/** What the caller shows of themselves. */
export function presentedIn({ headers: { authorization }, rawHeaders, certificateNames }: Exchange): Presented {
  return { authorization, hasSeveral: hasSeveralTokens(authorization, rawHeaders), certificateNames };
}
