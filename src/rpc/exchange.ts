import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { hasSeveralTokens, type Presented, type ShownNames } from "../credentials/principal.ts";

/**
 * One HTTP request and its answer, over any version of HTTP. Once the client or the connection has closed it, `isGone` is true and
 * sending does nothing.
 */
export interface Exchange {
  readonly httpVersion: "1.1" | "2.0";
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** By names in lower case. Once the answer has ended, there may be none. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  /** The names in the client's certificate, which the connection has verified. */
  readonly certificateNames: ShownNames | undefined;
  /** The connection that it shares with other exchanges; undefined for HTTP/1.1. */
  readonly connection: Connection | undefined;
  /** Bytes of the body that have arrived, and that nobody has taken. */
  readonly unread: number;
  /** Whether it is the server's turn: all of the request is there, and no answer waits to be sent. */
  readonly isWaiting: boolean;
  /** Whether the answer's headers have been sent. */
  readonly hasAnswered: boolean;
  readonly isGone: boolean;

  /** Call it at most once, before anything else. */
  watch(watcher: ExchangeWatcher): void;
  /** Resets the exchange once nothing has moved for the timeout, unless it is the server's turn. */
  resetWhenStalled(timeoutMs: number, onStalled: () => void): void;

  /** Passes on the body, piece by piece as it arrives, and then its end. Call it once. */
  receive(onPiece: (piece: Buffer) => void, onEnd: () => void): void;
  /** Stops the sender, within the limits of what HTTP buffers. */
  pause(): void;
  resume(): void;

  /** Sets a header of any answer. */
  setHeader(name: string, value: string): void;
  /** Begins an answer. Pieces and `end` follow. */
  begin(status: number, headers: OutgoingHttpHeaders): void;
  /** @returns whether there is room for more; `drained` waits for it */
  write(piece: Uint8Array): boolean;
  /** Resolves once there is room for more, perhaps only when all has been sent, or the exchange is gone. */
  drained(): Promise<void>;
  /** Ends the answer. The rest of the request is dropped. */
  end(lastPiece?: Uint8Array, trailers?: OutgoingHttpHeaders): void;
  /** Answers with headers alone. The rest of the request is dropped. */
  answer(status: number, headers: OutgoingHttpHeaders): void;
  /** Drops the rest of the request: unread, it would stay in memory and keep the exchange open. */
  drop(): void;
  /** Closes the connection of HTTP/1.1 once the answer has been sent, unless all of the request is there. */
  closeOnceAnswered(): void;
  /** Closes the exchange at once. HTTP/1.1 closes its connection for that. */
  reset(reason: ResetReason): void;
}

/** `calm` for a client that asks for too much. */
export type ResetReason = "cancel" | "calm" | "internal";

export interface ExchangeWatcher {
  /** Called when the client or the connection closes the exchange before it is complete. */
  onAborted(): void;
  /** Called when the exchange has closed, for any reason. */
  onClosed(): void;
}

export interface Connection {
  /** Closes it because its requests do harm. */
  closeForHarm(): void;
}

export type ExchangeHandler = (exchange: Exchange) => void;

/** The credentials that the caller presents. */
export function presentedIn(exchange: Exchange): Presented {
  const { authorization } = exchange.headers;
  // Headers as they came are made when somebody asks for them.
  const hasSeveral = authorization !== undefined && hasSeveralTokens(authorization, exchange.rawHeaders);
  return { authorization, hasSeveral, certificateNames: exchange.certificateNames };
}
