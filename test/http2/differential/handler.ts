/** The server under test: answers by path, on any layer. */
import type { Exchange, ExchangeHandler } from "../../../src/rpc/exchange.ts";

const served: Readonly<Record<string, (exchange: Exchange) => void>> = {
  "/echo": echo,
  "/stream": echoPieces,
  "/long": answerLong,
  "/early": answerEarly,
  "/error": (exchange) => exchange.answer(503, { "x-error": "yes" }),
  "/never": (exchange) =>
    exchange.receive(
      () => {},
      () => {},
    ),
  "/unread": () => {},
  "/slow": readSlowly,
  "/calm": (exchange) => exchange.reset("calm"),
  "/half": answerHalf,
  "/empty": answerEmpty,
};

export const paths: readonly string[] = [...Object.keys(served), "/echo", "/echo", "/stream", "/long", "/other"];

const longPieces = 8;
const longPiece: Buffer = Buffer.alloc(20_000, "long ");

export interface ServedExchanges {
  readonly handler: ExchangeHandler;
  /** Exchanges that have not closed. */
  readonly open: number;
  /** What a layer has done that no layer may do. */
  readonly faults: readonly string[];
}

export function serveExchanges(): ServedExchanges {
  let open = 0;
  const faults: string[] = [];
  return {
    get open() {
      return open;
    },
    faults,
    handler(exchange) {
      open++;
      watch(exchange, faults, () => open--);
      const [path = ""] = exchange.path.split("?");
      (served[path] ?? answerOther)(exchange);
    },
  };
}

/** Notes calls that a watcher must not get. */
function watch(exchange: Exchange, faults: string[], onClosed: () => void): void {
  let isAborted = false;
  let isClosed = false;
  exchange.watch({
    onAborted() {
      if (isAborted || isClosed) faults.push(`${exchange.path} is aborted when it is over`);
      isAborted = true;
    },
    onClosed() {
      if (isClosed) faults.push(`${exchange.path} closes twice`);
      else onClosed();
      isClosed = true;
    },
  });
}

/** All that a handler learns of a request, in the answer. */
function echo(exchange: Exchange): void {
  const pieces: Buffer[] = [];
  exchange.receive(
    (piece) => pieces.push(piece),
    () => {
      const { method, path, headers, rawHeaders } = exchange;
      exchange.begin(200, { "content-type": "application/json", "x-method": method === "" ? "none" : "some" });
      const head = JSON.stringify({ method, path, headers: Object.entries(headers).sort(), rawHeaders });
      exchange.end(Buffer.concat([Buffer.from(head), ...pieces]), { "x-pieces": "all", "x-empty": "" });
    },
  );
}

function echoPieces(exchange: Exchange): void {
  exchange.setHeader("x-added", "1");
  exchange.begin(200, {});
  exchange.receive(
    (piece) => {
      if (exchange.write(piece)) return;
      exchange.pause();
      exchange.drained().then(() => exchange.resume());
    },
    () => exchange.end(undefined, { "x-end": "yes" }),
  );
}

function answerLong(exchange: Exchange): void {
  const write = async () => {
    exchange.begin(200, { "x-long": "y".repeat(500) });
    for (let count = 0; count < longPieces && !exchange.isGone; count++) {
      if (!exchange.write(longPiece)) await exchange.drained();
    }
    exchange.end(Buffer.from("end"), { "x-status": "0" });
  };
  write().catch(() => exchange.reset("internal"));
}

function answerEarly(exchange: Exchange): void {
  exchange.begin(200, {});
  exchange.end(Buffer.from("early"), { "x-early": "1" });
}

/** Takes one piece in each turn of the event loop. */
function readSlowly(exchange: Exchange): void {
  let bytes = 0;
  exchange.receive(
    (piece) => {
      bytes += piece.length;
      exchange.pause();
      setImmediate(() => exchange.resume());
    },
    () => {
      exchange.begin(200, { "x-bytes": String(bytes) });
      exchange.end();
    },
  );
}

/** Begins an answer that it resets once the request has ended. */
function answerHalf(exchange: Exchange): void {
  exchange.receive(
    () => {},
    () => {
      exchange.begin(200, {});
      exchange.write(Buffer.from("half"));
      setImmediate(() => exchange.reset("internal"));
    },
  );
}

function answerEmpty(exchange: Exchange): void {
  exchange.begin(204, { "x-list": ["a", "b"] });
  exchange.end(new Uint8Array(0));
}

function answerOther(exchange: Exchange): void {
  exchange.begin(404, {});
  exchange.end(Buffer.from("no such path"));
}
