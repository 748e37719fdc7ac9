import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { ShownNames } from "../../credentials/principal.ts";
import { errorCode } from "../../http2/protocol.ts";
import type { Stream } from "../../http2/stream.ts";
import type { Connection, Exchange, ExchangeWatcher, ResetReason } from "../../rpc/exchange.ts";

const resetCodes: Readonly<Record<ResetReason, number>> = {
  cancel: errorCode.cancel,
  calm: errorCode.enhanceYourCalm,
  internal: errorCode.internalError,
};

/** An exchange on a stream of Rollcall's own HTTP/2. */
export class OwnHttp2Exchange implements Exchange {
  readonly httpVersion = "2.0";
  headers: Readonly<IncomingHttpHeaders>;
  readonly connection: Connection & { readonly certificateNames: ShownNames | undefined };
  readonly #stream: Stream;
  #added: OutgoingHttpHeaders | undefined;

  constructor(stream: Stream, headers: Readonly<IncomingHttpHeaders>, connection: OwnHttp2Exchange["connection"]) {
    this.#stream = stream;
    this.headers = headers;
    this.connection = connection;
  }

  get rawHeaders(): readonly string[] {
    return this.#stream.head.rawHeaders;
  }

  get method(): string {
    return pseudo(this.headers[":method"]);
  }

  get path(): string {
    return pseudo(this.headers[":path"]);
  }

  get certificateNames(): ShownNames | undefined {
    return this.connection.certificateNames;
  }

  get unread(): number {
    return this.#stream.unreadBytes;
  }

  get isWaiting(): boolean {
    return this.#stream.isWaiting;
  }

  get hasAnswered(): boolean {
    return this.#stream.hasAnswered;
  }

  get isGone(): boolean {
    return this.#stream.isClosed;
  }

  watch(watcher: ExchangeWatcher): void {
    this.#stream.watch(watcher);
  }

  resetWhenStalled(timeoutMs: number, onStalled: () => void): void {
    this.#stream.resetWhenStalled(timeoutMs, onStalled);
  }

  receive(onPiece: (piece: Buffer) => void, onEnd: () => void): void {
    this.#stream.receive(onPiece, onEnd);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  setHeader(name: string, value: string): void {
    this.#added ??= {};
    this.#added[name] = value;
  }

  begin(status: number, headers: OutgoingHttpHeaders): void {
    this.#stream.respond(status, this.#withAdded(headers));
  }

  write(piece: Uint8Array): boolean {
    return this.#stream.write(piece);
  }

  drained(): Promise<void> {
    return this.#stream.drained();
  }

  end(lastPiece?: Uint8Array, trailers?: OutgoingHttpHeaders): void {
    this.#stream.end(lastPiece, trailers);
    this.headers = none;
  }

  answer(status: number, headers: OutgoingHttpHeaders): void {
    this.#stream.respondOnly(status, this.#withAdded(headers));
    this.headers = none;
  }

  drop(): void {
    this.#stream.drop();
  }

  /** Nothing to do: a stream is reset if there is more of the request when it has been answered. */
  closeOnceAnswered(): void {}

  reset(reason: ResetReason): void {
    this.#stream.reset(resetCodes[reason]);
  }

  #withAdded(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
    return this.#added === undefined ? headers : { ...this.#added, ...headers };
  }
}

/** The answer may wait long for its client, and keeps no headers of the request. */
const none: Readonly<IncomingHttpHeaders> = {};

function pseudo(value: string | string[] | undefined): string {
  return typeof value === "string" ? value : "";
}
