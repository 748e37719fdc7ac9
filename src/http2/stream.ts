import type { OutgoingHttpHeaders } from "node:http";
import { Answer, type AnswerConnection, type AnswerStream } from "./answer.ts";
import { limits } from "./limits.ts";
import { errorCode } from "./protocol.ts";
import { type BodyStream, RequestBody } from "./request-body.ts";
import { noHead, type RequestHead } from "./request-head.ts";

/** What a stream needs of its connection. */
export interface StreamConnection extends AnswerConnection {
  /** When the connection last read or wrote, by `performance.now()`. */
  readonly now: number;
  /** For how long the connection has been read: a stream that waits for the turns of other connections does not grow older. */
  readonly readMs: number;
  /** Gives back so much of the client's window for the connection. */
  giveBack(bytes: number): void;
  /** Calls `pump` once there is room. */
  waitForRoom(stream: Stream): void;
  /** Calls `pump` once the client lets the server send more on the connection. */
  waitForWindow(stream: Stream): void;
  /** Checks streams for stalls after this time. */
  watchStalls(timeoutMs: number): void;
  /** Forgets the stream. `isReset`: the server reset it, and frames that are under way are ignored. */
  onClosed(stream: Stream, isReset: boolean): void;
}

export interface StreamWatcher {
  /** Called when the stream closes before its answer is complete. */
  onAborted(): void;
  /** Called when the stream has closed, for any reason. */
  onClosed(): void;
}

/**
 * One request and its answer: RFC 9113, section 5.1.
 *
 *     open ──── END_STREAM received ───> half-closed (remote) ─── END_STREAM sent ───> closed
 *      │                                          │
 *      ├── END_STREAM sent ──> half-closed (local) ─── END_STREAM received, or RST_STREAM(NO_ERROR) sent ──> closed
 *      └── RST_STREAM sent or received, or the connection closes ─────────────────────────> closed
 *
 * For its handler, the stream is closed once the answer has been sent.
 */
export class Stream implements BodyStream, AnswerStream {
  readonly id: number;
  /** Once the answer has ended, an empty one: many answers may wait for a client that reads nothing. */
  head: RequestHead;
  /** By the connection's `readMs`. */
  readonly beganAt: number;
  readonly #connection: StreamConnection;
  readonly #body: RequestBody;
  readonly #answer: Answer;
  readonly #isHead: boolean;
  /** When DATA last came or went, or its handler last wrote. */
  #movedAt: number;
  #watcher: StreamWatcher | undefined;
  #stall: { readonly timeoutMs: number; readonly onStalled: () => void } | undefined;
  #isClosed = false;
  /** Whether the connection has forgotten it. */
  #isForgotten = false;
  #requestEndTimer: NodeJS.Timeout | undefined;

  constructor(
    id: number,
    head: RequestHead,
    bodyLength: number | undefined,
    window: number,
    connection: StreamConnection,
  ) {
    this.id = id;
    this.head = head;
    this.beganAt = connection.readMs;
    this.#movedAt = connection.now;
    this.#connection = connection;
    this.#isHead = head.headers[":method"] === "HEAD";
    this.#body = new RequestBody(this, bodyLength);
    this.#answer = new Answer(this, window, connection);
  }

  /** Whether all of the request has arrived. */
  get hasRequest(): boolean {
    return this.#body.hasEnded;
  }

  /** Whether the answer's headers have been passed on. */
  get hasAnswered(): boolean {
    return this.#answer.hasBegun;
  }

  /** Whether all of the answer has been sent. */
  get hasSentAnswer(): boolean {
    return this.#answer.isEnded;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes of the request that have arrived, and that nobody has taken. */
  get unreadBytes(): number {
    return this.#body.waitingBytes;
  }

  /** Bytes of the answer that wait for a window, or for the socket. */
  get unsentBytes(): number {
    return this.#answer.waitingBytes;
  }

  /** Whether the handler has ended the answer. It may still have to be sent. */
  get isEnding(): boolean {
    return this.#answer.isEnding;
  }

  /** Whether it is the server's turn: all of the request is there, and no answer waits to be sent. */
  get isWaiting(): boolean {
    return this.hasRequest && !this.#answer.isWaiting;
  }

  watch(watcher: StreamWatcher): void {
    this.#watcher = watcher;
  }

  /** Resets the stream once nothing has moved for the timeout, and up to half as long again, unless it is the server's turn. */
  resetWhenStalled(timeoutMs: number, onStalled: () => void): void {
    if (this.#isClosed) return;
    this.#stall = { timeoutMs, onStalled };
    this.#connection.watchStalls(timeoutMs);
  }

  checkStall(now: number): void {
    if (this.#stall === undefined || this.isWaiting || now - this.#movedAt < this.#stall.timeoutMs) return;
    this.#stall.onStalled();
    this.reset(errorCode.cancel);
  }

  /** Passes on the body, piece by piece, and then its end. The client may send more as pieces are taken. */
  receive(onPiece: (piece: Buffer) => void, onEnd: () => void): void {
    this.#body.receive(onPiece, onEnd);
  }

  pause(): void {
    this.#body.pause();
  }

  resume(): void {
    if (!this.#isClosed) this.#body.resume();
  }

  /** Drops the rest of the request. */
  drop(): void {
    this.#body.drop();
  }

  /** Answers `100 Continue` to a client that waits for it before it sends the body: RFC 9110, section 10.1.1. */
  continue(): void {
    if (this.#isClosed) return;
    this.#connection.writer.headers(this.id, this.#connection.encoder.encode(100, {}), 0);
  }

  /** Begins the answer. The caller does not change the headers later. */
  respond(status: number, headers: OutgoingHttpHeaders): void {
    if (this.#isClosed || this.hasAnswered) return;
    this.#answer.begin(status, headers, this.#isHead);
    this.#sendOrReset();
  }

  /** Answers with headers alone, and drops the rest of the request. */
  respondOnly(status: number, headers: OutgoingHttpHeaders): void {
    if (this.#isClosed || this.hasAnswered) return;
    this.#answer.begin(status, headers, true);
    this.#dropRequest();
    this.#sendOrReset();
  }

  /** @returns whether there is room for more; `drained` waits for it */
  write(piece: Uint8Array): boolean {
    if (this.#isClosed || this.isEnding) return true;
    this.#add(piece);
    this.#sendOrReset();
    return this.unsentBytes < limits.unsentBytes;
  }

  /** Resolves once all that has been written is sent, or the stream has closed. */
  drained(): Promise<void> {
    return this.#answer.drained();
  }

  /** Ends the answer, and drops the rest of the request. The caller does not change the trailers later. */
  end(lastPiece: Uint8Array | undefined, trailers: OutgoingHttpHeaders | undefined): void {
    if (this.#isClosed || this.isEnding) return;
    if (lastPiece !== undefined) this.#add(lastPiece);
    this.#answer.end(trailers);
    this.#dropRequest();
    this.#sendOrReset();
  }

  /** Resets the stream: section 6.4. */
  reset(code: number): void {
    if (this.#isForgotten) return;
    this.#connection.writer.rstStream(this.id, code);
    this.close(true);
  }

  /** Takes a piece of DATA. @param paddingBytes of its frame, which count as sent */
  onData(piece: Buffer, paddingBytes: number): void {
    this.#movedAt = this.#connection.now;
    if (paddingBytes > 0) this.#body.giveBack(paddingBytes);
    if (piece.length > 0) this.#body.add(piece);
  }

  /** Counts a DATA frame. @returns false if the client may not send so much */
  use(frameBytes: number): boolean {
    return this.#body.use(frameBytes);
  }

  /** Whether the body agrees with its `content-length`, with so many bytes more, and perhaps with its end. */
  fits(bytes: number, isLast: boolean): boolean {
    return this.#body.fits(bytes, isLast);
  }

  /** The request has ended. */
  onRequestEnd(): void {
    this.#body.end();
    if (this.hasSentAnswer) this.close(false);
  }

  /** @returns false if the window would be too large: section 6.9.1 */
  grow(bytes: number): boolean {
    if (!this.#answer.grow(bytes)) return false;
    if (bytes > 0 && this.unsentBytes > 0) this.waitForWindow();
    return true;
  }

  /** Sends what had to wait, if there is room now. */
  pump(): void {
    try {
      this.#sendOrReset();
    } catch {
      // The handler has written headers that HTTP/2 cannot have. It gets the error where they need not wait.
    }
  }

  /** @throws TypeError naming a field that HTTP/2 cannot have */
  #sendOrReset(): void {
    try {
      this.#answer.send();
    } catch (error) {
      this.reset(errorCode.internalError);
      throw error;
    }
  }

  // For the body and the answer.

  giveBack(bytes: number): void {
    this.#connection.giveBack(bytes);
  }

  announceWindow(bytes: number): void {
    if (!this.#isClosed) this.#connection.writer.windowUpdate(this.id, bytes);
  }

  waitForRoom(): void {
    this.#connection.waitForRoom(this);
  }

  waitForWindow(): void {
    this.#connection.waitForWindow(this);
  }

  onSent(): void {
    this.#movedAt = Math.max(this.#movedAt, this.#connection.now);
  }

  /** Soon the client is told to send no more of its request: section 8.1. */
  onAnswered(): void {
    if (this.hasRequest) {
      this.close(false);
      return;
    }
    this.#finish();
    this.#requestEndTimer = setTimeout(() => this.reset(errorCode.noError), limits.requestEndMs).unref();
  }

  /** Closes the stream. @param isReset whether the server has reset it */
  close(isReset: boolean): void {
    if (this.#isForgotten) return;
    this.#isForgotten = true;
    clearTimeout(this.#requestEndTimer);
    this.#connection.onClosed(this, isReset);
    this.#finish();
  }

  #dropRequest(): void {
    this.#body.drop();
    this.head = noHead;
  }

  #add(piece: Uint8Array): void {
    this.#answer.add(piece);
    // The client gets its time from now on, however long the handler took.
    this.#movedAt = performance.now();
  }

  /** Nothing more is read or written. */
  #finish(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stall = undefined;
    this.#answer.drop();
    // What nobody took goes back to the connection's window.
    this.#body.drop();
    if (!this.hasSentAnswer) this.#watcher?.onAborted();
    this.#watcher?.onClosed();
  }
}
