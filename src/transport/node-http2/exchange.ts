import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { namesShownBy } from "../../credentials/peer.ts";
import type { ShownNames } from "../../credentials/principal.ts";
import { limits } from "../../http2/limits.ts";
import type { Connection, Exchange, ExchangeWatcher, ResetReason } from "../../rpc/exchange.ts";
import { ignore } from "../ignore.ts";
import { NodeExchange } from "../node-exchange.ts";

const resetCodes: Readonly<Record<ResetReason, number>> = {
  cancel: constants.NGHTTP2_CANCEL,
  calm: constants.NGHTTP2_ENHANCE_YOUR_CALM,
  internal: constants.NGHTTP2_INTERNAL_ERROR,
};

const withTrailers = { waitForTrailers: true, sendDate: false } as const;
const alone = { endStream: true, sendDate: false } as const;

/** An exchange on a stream of Node's HTTP/2. */
export class Http2Exchange extends NodeExchange implements Exchange {
  readonly httpVersion = "2.0";
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly connection: Connection | undefined;
  readonly #stream: ServerHttp2Stream;
  #trailers: OutgoingHttpHeaders = {};
  /** Kept, because the session may have closed when the caller's credentials are checked again. */
  #certificateNames: ShownNames | undefined;

  /** @param rawHeaders names and values in turn, as they came */
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    connection?: Connection,
  ) {
    super(stream, stream);
    this.#stream = stream;
    this.headers = headers;
    this.rawHeaders = rawHeaders;
    this.connection = connection;
    stream.on("error", ignore);
  }

  get method(): string {
    return this.headers[":method"] ?? "";
  }

  get path(): string {
    return this.headers[":path"] ?? "";
  }

  get certificateNames(): ShownNames | undefined {
    const { session } = this.#stream;
    if (session !== undefined) this.#certificateNames ??= namesShownBy(session.socket);
    return this.#certificateNames;
  }

  get isWaiting(): boolean {
    const { state, writableLength } = this.#stream;
    return state.state === constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE && writableLength === 0;
  }

  get hasAnswered(): boolean {
    return this.#stream.headersSent;
  }

  watch(watcher: ExchangeWatcher): void {
    const stream = this.#stream;
    // A stream that is reset without an error would wait until its request is read and its answer is sent.
    stream.on("aborted", () => {
      watcher.onAborted();
      // A reset by this side is sent first.
      setImmediate(() => stream.destroy());
    });
    stream.on("close", () => watcher.onClosed());
  }

  resetWhenStalled(timeoutMs: number, onStalled: () => void): void {
    this.#stream.setTimeout(timeoutMs, () => {
      if (this.isWaiting) return;
      onStalled();
      this.reset("cancel");
    });
  }

  begin(status: number, headers: OutgoingHttpHeaders): void {
    const stream = this.#stream;
    if (this.isGone) return;
    stream.respond({ ":status": status, ...this.withAdded(headers) }, withTrailers);
    stream.on("wantTrailers", () => {
      if (this.isGone) return;
      stream.sendTrailers(this.#trailers);
      this.#endRequest();
    });
  }

  end(lastPiece?: Uint8Array, trailers: OutgoingHttpHeaders = {}): void {
    if (this.isOver) return;
    this.#trailers = trailers;
    this.#stream.end(lastPiece);
    this.drop();
  }

  answer(status: number, headers: OutgoingHttpHeaders): void {
    if (this.isGone) return;
    this.#stream.respond({ ":status": status, ...this.withAdded(headers) }, alone);
    this.#endRequest();
    this.drop();
  }

  /** A stream stays open until its request has been read to the end. */
  override drop(): void {
    const stream = this.#stream;
    if (stream.readableEnded) return;
    // A client that has reset the stream without an error will not read the answer.
    stream.once("end", () => {
      if (stream.closed && stream.sentTrailers === undefined) stream.destroy();
    });
    super.drop();
  }

  /** Nothing to do: `answer` resets the stream if there is more of the request. */
  closeOnceAnswered(): void {}

  reset(reason: ResetReason): void {
    this.#stream.close(resetCodes[reason]);
  }

  /**
   * Once END_STREAM has been sent, tells the client to send no more of its request: RFC 9113, section 8.1. Without trailers, Node
   * sends it on a DATA frame, which waits for the client's windows although it is empty. A reset would overtake it, and Node has
   * no event for when it has been sent.
   */
  #endRequest(): void {
    const stream = this.#stream;
    if (stream.readableEnded) return;
    const check = () => {
      if (this.isGone || stream.readableEnded) return;
      if (stream.state.localClose === 1) stream.close(constants.NGHTTP2_NO_ERROR);
      else setTimeout(check, limits.requestEndMs).unref();
    };
    // What need not wait is sent in the turn of the event loop after the next.
    setImmediate(() => setImmediate(check));
  }
}
