import { compact, copyOf } from "./compact.ts";
import { limits } from "./limits.ts";
import { ReceiveWindow } from "./receive-window.ts";

/** Bytes of DATA that are gathered into one piece while nobody takes them: a small piece costs more memory than it has bytes. */
const smallPieceBytes = 1_024;

/** The stream of a body. */
export interface BodyStream {
  /** Gives back so much of the connection's window. */
  giveBack(bytes: number): void;
  /** Tells the client that it may send so much more on the stream. */
  announceWindow(bytes: number): void;
}

/** The body of a request. Pieces wait until they are received, and the client may send more then: RFC 9113, section 5.2. */
export class RequestBody {
  readonly #stream: BodyStream;
  readonly #window = new ReceiveWindow(limits.streamWindowBytes);
  /** Bytes that are still to come; undefined where `content-length` does not say. */
  #bytesLeft: number | undefined;
  #waiting: Buffer[] | undefined;
  #waitingBytes = 0;
  #onPiece: ((piece: Buffer) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #isPaused = false;
  #isDropped = false;
  #hasEnded = false;

  /** @param length by `content-length` */
  constructor(stream: BodyStream, length: number | undefined) {
    this.#stream = stream;
    this.#bytesLeft = length;
  }

  /** Whether all of it has arrived. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Bytes that have arrived, and that nobody has taken. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Counts a frame. @returns false if the client may not send so much */
  use(frameBytes: number): boolean {
    return this.#window.use(frameBytes);
  }

  /** Whether the body agrees with its `content-length`, with so many bytes more, and perhaps with its end: section 8.1.1. */
  fits(bytes: number, isLast: boolean): boolean {
    if (this.#bytesLeft === undefined) return true;
    this.#bytesLeft -= bytes;
    return isLast ? this.#bytesLeft === 0 : this.#bytesLeft >= 0;
  }

  receive(onPiece: (piece: Buffer) => void, onEnd: () => void): void {
    if (this.#isDropped) return;
    this.#onPiece = onPiece;
    this.#onEnd = onEnd;
    this.#pass();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#pass();
  }

  /** Nobody wants the rest. */
  drop(): void {
    this.#isDropped = true;
    this.#onPiece = undefined;
    this.#onEnd = undefined;
    this.#waiting = undefined;
    const bytes = this.#waitingBytes;
    this.#waitingBytes = 0;
    if (bytes > 0) this.giveBack(bytes);
  }

  add(piece: Buffer): void {
    if (this.#isDropped) this.giveBack(piece.length);
    else if (this.#onPiece === undefined || this.#isPaused || this.#waitingBytes > 0) this.#keep(piece);
    else {
      this.giveBack(piece.length);
      this.#onPiece(piece);
    }
  }

  end(): void {
    this.#hasEnded = true;
    this.#pass();
  }

  /** Gives back so much of both windows. */
  giveBack(bytes: number): void {
    this.#stream.giveBack(bytes);
    if (this.#hasEnded) return;
    this.#window.giveBack(bytes);
    const announced = this.#window.announce();
    if (announced > 0) this.#stream.announceWindow(announced);
  }

  #keep(piece: Buffer): void {
    this.#waiting ??= [];
    this.#waitingBytes += piece.length;
    const last = this.#waiting.at(-1);
    if (last === undefined || last.length + piece.length > smallPieceBytes) this.#waiting.push(compact(piece));
    else this.#waiting[this.#waiting.length - 1] = joined(last, piece);
  }

  #pass(): void {
    while (this.#waitingBytes > 0 && this.#onPiece !== undefined && !this.#isPaused) {
      const piece = this.#waiting?.shift();
      if (piece === undefined) return;
      this.#waitingBytes -= piece.length;
      this.giveBack(piece.length);
      this.#onPiece(piece);
    }
    if (!this.#hasEnded || this.#waitingBytes > 0 || this.#isPaused) return;
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    onEnd?.();
  }
}

/** Both pieces, in a buffer that has room for `smallPieceBytes`. */
function joined(first: Buffer, second: Buffer): Buffer {
  const length = first.length + second.length;
  const hasRoom = first.buffer.byteLength === smallPieceBytes && first.byteOffset === 0;
  const both = hasRoom ? Buffer.from(first.buffer, 0, length) : copyOf(first, smallPieceBytes).subarray(0, length);
  both.set(second, first.length);
  return both;
}
