/** Our own layer with a handler that answers by path, for tests of one connection. */
import type { Exchange } from "../../src/rpc/exchange.ts";
import type { ConnectionLimits } from "../../src/transport/http-server.ts";
import { type Listener, type ListenerOptions, listen } from "../../src/transport/listener.ts";
import { answerWith } from "../support/exchanges.ts";

export const longBytes: number = 1024 * 1024;
const pieceBytes = 16 * 1024;

export interface OwnServer {
  readonly listener: Listener;
  /** Why connections have ended. */
  readonly goaways: string[];
  /** Why they count as closed early. */
  readonly turnedAway: string[];
  /** Requests that have reached the handler. */
  readonly begun: number;
  /** Bytes that handlers of `/long` have written. */
  readonly written: number;
  /** Exchanges of `/unread`, which nobody receives, and of `/later`, which wait to be answered. */
  readonly waiting: Exchange[];
}

export async function startOwn(
  limits: Partial<ConnectionLimits> = {},
  options: Partial<ListenerOptions> = {},
): Promise<OwnServer> {
  const goaways: string[] = [];
  const turnedAway: string[] = [];
  const waiting: Exchange[] = [];
  const counts = { begun: 0, written: 0 };
  const served: Readonly<Record<string, (exchange: Exchange) => void>> = {
    "/early": (exchange) => answerWith(exchange, "early"),
    "/unread": (exchange) => waiting.push(exchange),
    "/later": (exchange) => {
      waiting.push(exchange);
      exchange.receive(
        () => {},
        () => {},
      );
    },
    "/long": (exchange) => void answerLong(exchange, (bytes) => (counts.written += bytes)),
  };
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    http2: "own",
    limits,
    onGoaway: (reason) => goaways.push(reason),
    onTurnedAway: (reason) => turnedAway.push(reason),
    handler(exchange) {
      counts.begun++;
      (served[exchange.path] ?? answerAtEnd)(exchange);
    },
    ...options,
  });
  return {
    listener,
    goaways,
    turnedAway,
    waiting,
    get begun() {
      return counts.begun;
    },
    get written() {
      return counts.written;
    },
  };
}

function answerAtEnd(exchange: Exchange): void {
  exchange.receive(
    () => {},
    () => answerWith(exchange, "done"),
  );
}

/** Writes as fast as the client takes it. */
async function answerLong(exchange: Exchange, onWritten: (bytes: number) => void): Promise<void> {
  exchange.begin(200, {});
  for (let bytes = 0; bytes < longBytes && !exchange.isGone; bytes += pieceBytes) {
    onWritten(pieceBytes);
    if (!exchange.write(Buffer.alloc(pieceBytes, "x"))) await exchange.drained();
  }
  exchange.end();
}
