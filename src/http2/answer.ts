import type { OutgoingHttpHeaders } from "node:http";
import type { FrameWriter } from "./frame-writer.ts";
import type { HpackEncoder } from "./hpack/encoder.ts";
import { limits } from "./limits.ts";
import { flag, maxInt31 } from "./protocol.ts";

/** What an answer needs of its connection. */
export interface AnswerConnection {
  readonly writer: FrameWriter;
  readonly encoder: HpackEncoder;
  /** What the client lets the server send on all streams. */
  sendWindow: number;
  /** Notes DATA that has been sent. `isForced`: the client's window for the stream made it small. */
  onData(isForced: boolean): void;
}

/** The stream of an answer. */
export interface AnswerStream {
  readonly id: number;
  /** Sends again once there is room. */
  waitForRoom(): void;
  /** Sends again once the client lets the server send more on the connection. */
  waitForWindow(): void;
  /** Called when DATA has been sent. */
  onSent(): void;
  /** Called when END_STREAM has been sent. */
  onAnswered(): void;
}

/** An answer: headers, data, trailers, in that order. What the windows or the socket have no room for waits: RFC 9113, section 5.2. */
export class Answer {
  /** What the client lets the server send on the stream. It may be negative: section 6.9.2. */
  #window: number;
  readonly #stream: AnswerStream;
  readonly #connection: AnswerConnection;
  /** Headers that wait for room. */
  #head: { readonly status: number; readonly headers: OutgoingHttpHeaders } | undefined;
  #pieces: Uint8Array[] | undefined;
  #waitingBytes = 0;
  #trailers: OutgoingHttpHeaders | undefined;
  #onDrained: (() => void)[] | undefined;
  #hasBegun = false;
  #isEnding = false;
  #isEnded = false;
  #isDropped = false;

  constructor(stream: AnswerStream, window: number, connection: AnswerConnection) {
    this.#stream = stream;
    this.#window = window;
    this.#connection = connection;
  }

  /** Whether it has headers. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Whether the handler has ended it. It may still have to be sent. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Whether all of it has been sent. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Bytes of data that wait for a window, or for the socket. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether something waits to be sent. */
  get isWaiting(): boolean {
    return this.#waitingBytes > 0 || this.#head !== undefined || this.#isEnding;
  }

  /** @param isOnly whether nothing follows the headers */
  begin(status: number, headers: OutgoingHttpHeaders, isOnly: boolean): void {
    this.#hasBegun = true;
    this.#head = { status, headers };
    this.#isEnding = isOnly;
  }

  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces ??= [];
    this.#pieces.push(piece);
    this.#waitingBytes += piece.length;
  }

  end(trailers: OutgoingHttpHeaders | undefined): void {
    this.#trailers = trailers;
    this.#isEnding = true;
  }

  /** Drops what has not been sent. */
  drop(): void {
    this.#isDropped = true;
    this.#pieces = undefined;
    this.#waitingBytes = 0;
    this.#head = undefined;
    this.#wake();
  }

  /** Resolves once all data has been sent, or dropped. */
  drained(): Promise<void> {
    if (this.#waitingBytes === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onDrained ??= [];
      this.#onDrained.push(resolve);
    });
  }

  /** Changes the stream's window. @returns false if it would be too large: section 6.9.1 */
  grow(bytes: number): boolean {
    this.#window += bytes;
    return this.#window <= maxInt31;
  }

  /**
   * Sends what the windows and the socket have room for.
   *
   * @throws TypeError naming a field that HTTP/2 cannot have
   */
  send(): void {
    if (this.#isDropped) return;
    if (this.#head !== undefined && !this.#sendHead(this.#head)) return;
    if (this.#waitingBytes > 0 && !this.#sendPieces(this.#pieces ?? [])) return;
    if (this.#isEnding) this.#sendEnd();
  }

  /** @returns whether more may follow now */
  #sendHead({ status, headers }: { readonly status: number; readonly headers: OutgoingHttpHeaders }): boolean {
    if (!this.#hasRoom()) return false;
    const { writer, encoder } = this.#connection;
    this.#head = undefined;
    const isOnly = this.#isEnding && this.#waitingBytes === 0 && this.#trailers === undefined;
    writer.headers(this.#stream.id, encoder.encode(status, headers), isOnly ? flag.endStream : 0);
    if (isOnly) this.#onEnded();
    return !isOnly;
  }

  /** @returns whether all of them have been sent, and more may follow now */
  #sendPieces(pieces: Uint8Array[]): boolean {
    const connection = this.#connection;
    for (let piece = pieces[0]; piece !== undefined; piece = pieces[0]) {
      const bytes = Math.min(piece.length, limits.frameBytes, this.#window, connection.sendWindow);
      if (bytes <= 0) {
        if (connection.sendWindow <= 0) this.#stream.waitForWindow();
        return false;
      }
      if (!this.#hasRoom()) return false;
      const isWhole = bytes === piece.length;
      const isLast = isWhole && pieces.length === 1 && this.#isEnding && this.#trailers === undefined;
      connection.writer.data(this.#stream.id, piece, 0, bytes, isLast ? flag.endStream : 0);
      this.#window -= bytes;
      connection.sendWindow -= bytes;
      this.#waitingBytes -= bytes;
      if (isWhole) pieces.shift();
      else pieces[0] = piece.subarray(bytes);
      this.#stream.onSent();
      const isSmall = !isWhole && bytes < limits.smallDataBytes;
      // What the connection's window leaves is small now and then: it is neither work nor harm.
      if (!isSmall || this.#window === 0) connection.onData(isSmall);
      // The client's windows have done harm, and the connection has closed.
      if (this.#isDropped) return false;
      if (isLast) {
        this.#onEnded();
        return false;
      }
    }
    this.#wake();
    return true;
  }

  #sendEnd(): void {
    if (!this.#hasRoom()) return;
    const { writer, encoder } = this.#connection;
    if (this.#trailers === undefined) writer.data(this.#stream.id, nothing, 0, 0, flag.endStream);
    else writer.headers(this.#stream.id, encoder.encode(undefined, this.#trailers), flag.endStream);
    this.#onEnded();
  }

  /** Whether the socket has room. If not, the stream waits for it. */
  #hasRoom(): boolean {
    if (this.#connection.writer.hasRoom) return true;
    this.#stream.waitForRoom();
    return false;
  }

  #onEnded(): void {
    this.#isEnded = true;
    this.#stream.onAnswered();
  }

  #wake(): void {
    const onDrained = this.#onDrained;
    this.#onDrained = undefined;
    if (onDrained !== undefined) for (const resolve of onDrained) resolve();
  }
}

const nothing = new Uint8Array(0);
