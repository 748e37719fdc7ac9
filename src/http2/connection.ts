import type { Socket } from "node:net";
import { Budgets } from "./budgets.ts";
import { ConnectionError, type GoawayReason } from "./errors.ts";
import { FrameWriter } from "./frame-writer.ts";
import { initialTableBytes } from "./hpack/dynamic-table.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import { HpackError } from "./hpack/hpack-error.ts";
import { type FrameConnection, IncomingFrames } from "./incoming-frames.ts";
import { limits } from "./limits.ts";
import { type Liveness, type LivenessLimits, type Watched, watchLiveness } from "./liveness.ts";
import { errorCode, initial, maxInt31, setting } from "./protocol.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { type ReadConnection, SocketReader } from "./socket-reader.ts";
import type { Stream } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";

export interface ConnectionOptions {
  readonly limits: LivenessLimits;
  /** Serves a request. */
  readonly onStream: (stream: Stream) => void;
  /** Called for a request that breaks HTTP's rules: its stream is reset. */
  readonly onMalformed: (what: string) => void;
  /**
   * Called with why, when the connection tells the client to go away and when it ends; not where the client closes it. A connection
   * that breaks a rule while it goes away is told of twice.
   */
  readonly onGoaway: (reason: GoawayReason, what: string) => void;
  /** Called each time that enough calls have been answered to forgive one harmful connection. */
  readonly onManyAnswers: () => void;
  /** Called once the connection is closed. */
  readonly onClosed: () => void;
}

/**
 * The server's side of an HTTP/2 connection: RFC 9113.
 *
 *     open ── `close`, age, idle ──> going away ── PING answered, or a second ──> draining
 *      │                                 │                                            │
 *      ├─────────────────────────────────┴── the client says goodbye ──> draining     │
 *      │                                                 its last stream has closed ──┤
 *      └── from any state: a rule or a limit is broken, `end` ────────────────────────┴──> ended
 *
 * Going away, it tells the client to open no more streams, and still serves those that it opens before it has read that: GOAWAY
 * with the highest id. Draining, it has said which stream was the last, and ignores later ones. Ended, it writes what is left,
 * closes the socket, and destroys it a second later.
 */
export class Connection implements FrameConnection, ReadConnection, Watched {
  readonly writer: FrameWriter;
  readonly encoder = new HpackEncoder(initialTableBytes);
  now = performance.now();
  sendWindow: number = initial.windowBytes;
  readonly streams = new StreamTable();
  readonly budgets: Budgets;
  readonly receiveWindow = new ReceiveWindow(limits.connectionWindowBytes);

  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #reader: SocketReader;
  readonly #liveness: Liveness;
  /** Streams that wait for room, in turn, and those that wait for the connection's window, or whose own has grown. */
  readonly #waitingForRoom = new Set<Stream>();
  readonly #waitingForWindow = new Set<Stream>();

  #state: "open" | "going away" | "draining" | "ended" = "open";
  #goawayTimer: NodeJS.Timeout | undefined;
  #stallTimer: NodeJS.Timeout | undefined;

  /** Serves the connection from now on. Its first bytes are the client's preface. */
  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.budgets = new Budgets(options.onManyAnswers);
    this.writer = new FrameWriter(socket, () => this.#onRoom());
    this.#reader = new SocketReader(socket, new IncomingFrames(this), this);
    socket.on("end", () => this.#end(true));
    socket.on("close", () => this.#onClosed());
    socket.on("error", () => this.#onClosed());
    this.writer.settings([
      [setting.maxConcurrentStreams, limits.streams],
      [setting.initialWindowSize, limits.streamWindowBytes],
      [setting.maxHeaderListSize, limits.headerListBytes],
    ]);
    this.writer.windowUpdate(0, limits.connectionWindowBytes - initial.windowBytes);
    this.#liveness = watchLiveness(this, options.limits);
  }

  get isOver(): boolean {
    return this.#state === "ended";
  }

  get heardAt(): number {
    return this.#reader.heardAt;
  }

  get readMs(): number {
    return this.now - this.#reader.restedMs;
  }

  get hasEnough(): boolean {
    return this.#reader.hasEnough;
  }

  get isDraining(): boolean {
    return this.#state === "draining";
  }

  /** Tells the client to go away, and closes the connection once its streams have ended: section 6.8. */
  close(reason: GoawayReason): void {
    if (this.#state !== "open") return;
    this.#state = "going away";
    this.#options.onGoaway(reason, "");
    this.writer.goaway(maxInt31, errorCode.noError, reason);
    this.writer.ping(goawayPing, false);
    this.#goawayTimer = setTimeout(() => this.drain(), limits.goawayMs).unref();
  }

  /** Ends the connection at once. Its streams are aborted. */
  end(reason: GoawayReason, code: number, what: string): void {
    if (this.isOver) return;
    this.#options.onGoaway(reason, what);
    this.writer.goaway(this.streams.lastId, code, what);
    this.#end(false);
  }

  /** Sends a PING. @param payload 8 bytes */
  ping(payload: Buffer): boolean {
    if (!this.isOver) this.writer.ping(payload, false);
    return !this.isOver;
  }

  onPingTimeout(): void {
    this.end("ping_timeout", errorCode.noError, "a PING was not answered");
  }

  // For what the client sends.

  onReading(): void {
    this.now = performance.now();
  }

  onFailure(error: unknown): void {
    if (error instanceof ConnectionError) this.end(error.reason, error.code, error.message);
    else if (error instanceof HpackError) this.end("compression", errorCode.compressionError, error.message);
    else {
      this.end("internal", errorCode.internalError, "");
      throw error;
    }
  }

  /** What has arrived together opens windows together: each frame alone would let streams send small ones. */
  onRead(): void {
    this.#pump(this.#waitingForWindow);
  }

  onStream(stream: Stream): void {
    this.#options.onStream(stream);
  }

  onMalformed(what: string): void {
    this.#options.onMalformed(what);
  }

  onPong(payload: Buffer): boolean {
    if (this.#state !== "going away" || !payload.equals(goawayPing)) return this.#liveness.onPong(payload);
    this.drain();
    return true;
  }

  /** Says which stream was the last. */
  drain(): void {
    if (this.isDraining || this.isOver) return;
    clearTimeout(this.#goawayTimer);
    this.#state = "draining";
    this.writer.goaway(this.streams.lastId, errorCode.noError);
    if (this.streams.size === 0) this.#end(true);
  }

  // For streams.

  giveBack(bytes: number): void {
    this.receiveWindow.giveBack(bytes);
    this.announceWindow();
  }

  announceWindow(): void {
    const announced = this.receiveWindow.announce();
    if (announced > 0 && !this.isOver) this.writer.windowUpdate(0, announced);
  }

  waitForRoom(stream: Stream): void {
    this.#waitingForRoom.add(stream);
  }

  waitForWindow(stream: Stream): void {
    this.#waitingForWindow.add(stream);
  }

  watchStalls(timeoutMs: number): void {
    this.#stallTimer ??= setTimeout(() => this.#checkStalls(timeoutMs), timeoutMs).unref();
  }

  onData(isForced: boolean): void {
    if (!isForced) this.budgets.work();
    // A handler may be writing: nothing is thrown.
    else if (!this.budgets.allowsIdleFrame()) this.end("idle_frames", errorCode.enhanceYourCalm, "too small windows");
  }

  onClosed(stream: Stream, isReset: boolean): void {
    this.streams.delete(stream.id);
    this.#waitingForRoom.delete(stream);
    this.#waitingForWindow.delete(stream);
    if (stream.hasSentAnswer) this.budgets.answer();
    if (isReset) this.streams.noteReset(stream.id);
    if (this.isDraining && this.streams.size === 0) this.#end(true);
  }

  /** Twice in each timeout, while there are streams. */
  #checkStalls(timeoutMs: number): void {
    const now = performance.now();
    for (const stream of this.streams.all) stream.checkStall(now);
    const goesOn = this.streams.size > 0 && !this.isOver;
    this.#stallTimer = goesOn ? setTimeout(() => this.#checkStalls(timeoutMs), timeoutMs / 2).unref() : undefined;
  }

  /** There may be room for more: frames have been written, or the socket has drained. */
  #onRoom(): void {
    if (this.isOver) return;
    this.now = performance.now();
    this.budgets.controlFramesAnswered();
    this.#pump(this.#waitingForRoom);
    this.#reader.onRoom();
  }

  /** Lets streams send, each in turn, for as long as they may. One that has to wait again comes last. */
  #pump(waiting: Set<Stream>): void {
    if (waiting.size === 0) return;
    for (const stream of [...waiting]) {
      const mayGoOn = waiting === this.#waitingForRoom ? this.writer.hasRoom : this.sendWindow > 0;
      if (this.isOver || !mayGoOn) return;
      waiting.delete(stream);
      stream.pump();
    }
  }

  /** Writes what is left, and closes the socket: soon, or once the client has taken it where it has done no harm. */
  #end(isGraceful: boolean): void {
    if (this.isOver) return;
    this.writer.end();
    const socket = this.#socket;
    if (isGraceful) lingerOnceFinished(socket);
    else linger(socket);
    // What still comes is dropped, so that the end arrives.
    socket.resume();
    this.#onClosed();
  }

  #onClosed(): void {
    if (this.isOver) return;
    this.#state = "ended";
    clearTimeout(this.#goawayTimer);
    clearTimeout(this.#stallTimer);
    this.#liveness.stop();
    this.writer.close();
    for (const stream of this.streams.all) stream.close(false);
    this.#options.onClosed();
  }
}

/** The payload of the PING that goes with the first of two GOAWAYs. */
const goawayPing: Buffer = Buffer.from("going-aw", "latin1");

/** Leaves the client a moment to close the connection. */
function linger(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), limits.lingerMs).unref();
  socket.once("close", () => clearTimeout(timer));
}

/** The same once it has taken the last answers, for as long as it takes more of them. */
function lingerOnceFinished(socket: Socket): void {
  let left = socket.writableLength;
  const check = setInterval(() => {
    if (socket.writableLength === left) socket.destroy();
    left = socket.writableLength;
  }, limits.lastAnswersMs).unref();
  socket.once("close", () => clearInterval(check));
  socket.once("finish", () => {
    clearInterval(check);
    linger(socket);
  });
}
