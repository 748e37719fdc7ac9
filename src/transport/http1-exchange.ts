import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { namesShownBy } from "../credentials/peer.ts";
import type { ShownNames } from "../credentials/principal.ts";
import type { Exchange, ExchangeWatcher } from "../rpc/exchange.ts";
import { ignore } from "./ignore.ts";
import { NodeExchange } from "./node-exchange.ts";

/** Whether it is the server's turn: all of the request is there, and no answer waits to be sent. */
export function isWaiting({ complete }: IncomingMessage, { writableLength }: ServerResponse): boolean {
  return complete && writableLength === 0;
}

/** An exchange over HTTP/1.1. */
export class Http1Exchange extends NodeExchange implements Exchange {
  readonly httpVersion = "1.1";
  readonly connection = undefined;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    super(request, response);
    this.headers = request.headers;
    this.rawHeaders = request.rawHeaders;
    this.#request = request;
    this.#response = response;
    response.on("error", ignore);
  }

  get method(): string {
    return this.#request.method ?? "";
  }

  get path(): string {
    const { url = "" } = this.#request;
    // RFC 9112, section 3.2.2: a target may be in absolute form.
    if (url.startsWith("/") || !URL.canParse(url)) return url;
    const { pathname, search } = new URL(url);
    return pathname + search;
  }

  get certificateNames(): ShownNames | undefined {
    return namesShownBy(this.#request.socket);
  }

  get isWaiting(): boolean {
    return isWaiting(this.#request, this.#response);
  }

  get hasAnswered(): boolean {
    return this.#response.headersSent;
  }

  watch(watcher: ExchangeWatcher): void {
    this.#response.once("close", () => {
      if (!this.#response.writableFinished) watcher.onAborted();
      watcher.onClosed();
    });
  }

  /** The server closes whole connections on which nothing moves. */
  resetWhenStalled(): void {}

  begin(status: number, headers: OutgoingHttpHeaders): void {
    if (!this.isGone) this.#response.writeHead(status, this.withAdded(headers));
  }

  end(lastPiece?: Uint8Array, trailers?: OutgoingHttpHeaders): void {
    if (this.isOver) return;
    if (trailers !== undefined) this.#response.addTrailers(trailers);
    this.#response.end(lastPiece);
    this.drop();
  }

  answer(status: number, headers: OutgoingHttpHeaders): void {
    this.begin(status, headers);
    this.end();
  }

  closeOnceAnswered(): void {
    this.#response.once("finish", () => {
      if (!this.#request.complete) this.#request.destroy();
    });
  }

  reset(): void {
    // To destroy a request that has been read to its end does nothing.
    if (!this.#response.writableFinished) this.#request.socket.destroy();
  }
}
