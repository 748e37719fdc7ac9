import type { Socket } from "node:net";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { limits } from "./limits.ts";

/** The connection of a socket. */
export interface ReadConnection {
  readonly isOver: boolean;
  readonly streams: { /** So far. */ readonly begun: number };
  readonly writer: FrameWriter;
  /** When it last read or wrote, by `performance.now()`. */
  readonly now: number;
  /** Called before some bytes are read. */
  onReading(): void;
  /** Called with what `frame` of the sink has thrown. */
  onFailure(error: unknown): void;
  /** Called when all frames of some bytes have been passed on, or as many as this turn has room for. */
  onRead(): void;
}

/**
 * Reads the frames of a socket. It does not while too many bytes wait to be sent, and once enough requests have begun in a turn of the
 * event loop: then those of other connections have their turn.
 */
export class SocketReader {
  /** When the client last sent anything, by `performance.now()`. */
  heardAt = performance.now();
  readonly #socket: Socket;
  readonly #connection: ReadConnection;
  readonly #frames: FrameReader;
  #isFull = false;
  /** When it began to leave others their turn. */
  #restsSince: number | undefined;
  #restedMs = 0;
  /** Streams that had begun before this turn, or one of the last. */
  #begunBefore = 0;

  constructor(socket: Socket, sink: FrameSink, connection: ReadConnection) {
    this.#socket = socket;
    this.#connection = connection;
    this.#frames = new FrameReader(sink);
    socket.on("data", (chunk: Buffer) => {
      if (connection.isOver) return;
      this.#read(chunk);
      this.heardAt = connection.now;
    });
  }

  /** Whether enough requests have begun in this turn. */
  get hasEnough(): boolean {
    return this.#connection.streams.begun - this.#begunBefore >= limits.requestsInTurn;
  }

  /** For how long it has left others their turn, in milliseconds. */
  get restedMs(): number {
    return this.#restedMs;
  }

  /** Bytes that waited have been sent. */
  onRoom(): void {
    if (this.#restsSince === undefined) this.#begunBefore = this.#connection.streams.begun;
    if (!this.#isFull || this.#connection.writer.waiting >= limits.outputBytes) return;
    this.#isFull = false;
    this.#readOn();
  }

  get #isPaused(): boolean {
    return this.#connection.isOver || this.#isFull || this.#restsSince !== undefined;
  }

  #read(chunk?: Buffer): void {
    const connection = this.#connection;
    connection.onReading();
    try {
      this.#frames.read(chunk);
    } catch (error) {
      connection.onFailure(error);
    }
    if (connection.isOver) return;
    connection.onRead();
    if (connection.writer.waiting > limits.outputBytesToPause) this.#isFull = true;
    if (this.#frames.waits && this.#restsSince === undefined) this.#rest();
    if (this.#isPaused) this.#socket.pause();
  }

  #rest(): void {
    const since = this.#connection.now;
    this.#restsSince = since;
    setImmediate(() => {
      this.#restsSince = undefined;
      this.#restedMs += performance.now() - since;
      this.#begunBefore = this.#connection.streams.begun;
      this.#readOn();
    });
  }

  /** Reads what is left of what has arrived, and then more of it. */
  #readOn(): void {
    if (this.#isPaused) return;
    if (this.#frames.waits) this.#read();
    if (!this.#isPaused) this.#socket.resume();
  }
}
