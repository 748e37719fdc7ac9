import { channel } from "node:diagnostics_channel";
import { ConnectionError, type GoawayReason } from "./errors.ts";
import type { FrameSink } from "./frame-reader.ts";
import { type HeaderBlock, HeaderBlocks } from "./header-blocks.ts";
import { limits } from "./limits.ts";
import { paddingOf } from "./padding.ts";
import { PeerSettings, type SettingsConnection } from "./peer-settings.ts";
import { errorCode, flag, frameType, maxInt31, priorityBytes } from "./protocol.ts";
import type { ReceiveWindow } from "./receive-window.ts";
import { Stream, type StreamConnection } from "./stream.ts";

/** What frames change of their connection. */
export interface FrameConnection extends StreamConnection, SettingsConnection {
  readonly isOver: boolean;
  /** Whether enough of its requests have begun in this turn of the event loop. */
  readonly hasEnough: boolean;
  /** Whether the client has been told which stream was its last. */
  readonly isDraining: boolean;
  readonly receiveWindow: ReceiveWindow;
  onStream(stream: Stream): void;
  onMalformed(what: string): void;
  /** @returns whether a PING with this payload was sent */
  onPong(payload: Buffer): boolean;
  /** Tells the client what it may send more on the connection, if it is time. */
  announceWindow(): void;
  /** The client opens no more streams. */
  drain(): void;
  end(reason: GoawayReason, code: number, what: string): void;
}

/** Tells of each stream, as Node's `http2.server.stream.start` does of its own: `stream` and `headers`. */
const streamStart = channel("rollcall.http2.server.stream.start");

/** Does what the client's frames ask for: RFC 9113, sections 6 and 8. */
export class IncomingFrames implements FrameSink {
  readonly #connection: FrameConnection;
  readonly #blocks = new HeaderBlocks();
  readonly #settings: PeerSettings;
  #hasSettings = false;

  constructor(connection: FrameConnection) {
    this.#connection = connection;
    this.#settings = new PeerSettings(connection);
  }

  get isOver(): boolean {
    return this.#connection.isOver;
  }

  get hasEnough(): boolean {
    return this.#connection.hasEnough;
  }

  frame(type: number, flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    this.#blocks.expect(streamId, type === frameType.continuation);
    if (!this.#hasSettings) this.#expectSettings(type, flags);
    switch (type) {
      case frameType.data:
        this.#onData(flags, streamId, bytes, from, to);
        break;
      case frameType.headers:
        this.#onBlock(this.#blocks.begin(flags, streamId, bytes, from, to));
        break;
      case frameType.continuation:
        this.#onBlock(this.#blocks.continue(flags, bytes, from, to));
        break;
      case frameType.windowUpdate:
        this.#onWindowUpdate(streamId, bytes, from, to);
        break;
      case frameType.rstStream:
        this.#onRstStream(streamId, to - from);
        break;
      case frameType.settings:
        this.#settings.frame(flags, streamId, bytes, from, to);
        break;
      case frameType.ping:
        this.#onPing(flags, streamId, bytes, from, to);
        break;
      case frameType.priority:
        this.#onPriority(streamId, bytes, from, to);
        break;
      case frameType.goaway:
        this.#onGoaway(streamId, bytes, from, to);
        break;
      case frameType.pushPromise:
        throw new ConnectionError(errorCode.protocolError, "a client may not push");
      default:
        // Section 4.1: unknown types are ignored.
        this.#connection.budgets.idleFrame();
    }
  }

  #expectSettings(type: number, flags: number): void {
    // Section 3.4.
    if (type !== frameType.settings || (flags & flag.ack) !== 0) {
      throw new ConnectionError(errorCode.protocolError, "the client has to begin with SETTINGS");
    }
    this.#hasSettings = true;
  }

  /** Section 6.1. */
  #onData(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    const length = to - from;
    this.#checkStreamId(streamId);
    if (!this.#connection.receiveWindow.use(length)) {
      throw new ConnectionError(errorCode.flowControlError, "the connection's window is used up");
    }
    const padding = paddingOf(flags, bytes, from, to);
    const stream = this.#connection.streams.get(streamId);
    if (stream === undefined) {
      this.#connection.giveBack(length);
      if (!this.#isIgnored(streamId)) this.#connection.writer.rstStream(streamId, errorCode.streamClosed);
      else if (length > 0 && this.#connection.streams.allowsLate(streamId, length)) return;
      this.#connection.budgets.idleFrame();
      return;
    }
    const isLast = (flags & flag.endStream) !== 0;
    const piece = bytes.subarray(padding === 0 ? from : from + 1, padding === 0 ? to : to - padding + 1);
    if (stream.hasRequest) {
      this.#connection.giveBack(length);
      this.#streamError(streamId, errorCode.streamClosed, "DATA after END_STREAM");
      return;
    }
    if (!stream.use(length)) {
      this.#connection.giveBack(length);
      this.#streamError(streamId, errorCode.flowControlError, "the stream's window is used up");
      return;
    }
    if (!stream.fits(piece.length, isLast)) {
      this.#connection.giveBack(length);
      this.#malformed(streamId, "its body is not as long as content-length says");
      return;
    }
    if (piece.length > 0 || isLast) this.#connection.budgets.work();
    else this.#connection.budgets.idleFrame();
    stream.onData(piece, padding);
    // A piece that nobody takes leaves the client less of the window.
    this.#connection.announceWindow();
    if (isLast) stream.onRequestEnd();
  }

  /** All headers, or all trailers, of a request. */
  #onBlock(block: HeaderBlock | undefined): void {
    if (block === undefined) return;
    const { streamId, endsStream } = block;
    const stream = this.#connection.streams.get(streamId);
    const isNew = streamId > this.#connection.streams.lastId;
    this.#blocks.decode(block, !isNew);
    if (stream !== undefined) this.#onTrailers(stream, endsStream);
    else if (this.#isIgnored(streamId)) this.#connection.budgets.idleFrame();
    else if (!isNew) throw new ConnectionError(errorCode.streamClosed, "HEADERS on a closed stream");
    else {
      this.#connection.streams.lastId = streamId;
      this.#connection.streams.begun++;
      if (block.dependsOnItself) {
        this.#streamError(streamId, errorCode.protocolError, "a stream depends on itself");
      } else if (this.#connection.streams.size >= limits.streams) this.#refuse(streamId);
      else this.#beginStream(streamId, endsStream);
    }
  }

  #beginStream(streamId: number, isLast: boolean): void {
    const { fault, head } = this.#blocks.fields;
    if (fault !== undefined) {
      this.#malformed(streamId, fault);
      return;
    }
    const bodyLength = lengthOf(head.headers["content-length"]);
    if (bodyLength === "malformed" || (isLast && bodyLength)) {
      this.#malformed(streamId, "its content-length is wrong");
      return;
    }
    this.#connection.budgets.work();
    const stream = new Stream(streamId, head, bodyLength, this.#settings.initialWindow, this.#connection);
    this.#connection.streams.add(stream);
    if (isLast) stream.onRequestEnd();
    if (streamStart.hasSubscribers) streamStart.publish({ stream, headers: head.headers });
    this.#connection.onStream(stream);
  }

  #onTrailers(stream: Stream, isLast: boolean): void {
    if (stream.hasRequest) {
      this.#streamError(stream.id, errorCode.streamClosed, "HEADERS after END_STREAM");
      return;
    }
    if (!isLast) {
      this.#malformed(stream.id, "its trailers do not end it");
      return;
    }
    const { fault } = this.#blocks.fields;
    if (fault !== undefined) {
      this.#malformed(stream.id, fault);
      return;
    }
    if (!stream.fits(0, true)) {
      this.#malformed(stream.id, "its body is not as long as content-length says");
      return;
    }
    stream.onRequestEnd();
  }

  /** Section 6.9. */
  #onWindowUpdate(streamId: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) throw new ConnectionError(errorCode.frameSizeError, "WINDOW_UPDATE has 4 bytes");
    this.#connection.budgets.idleFrame();
    const by = bytes.readUInt32BE(from) & maxInt31;
    if (streamId === 0) {
      this.#connection.sendWindow += by;
      if (by === 0) throw new ConnectionError(errorCode.protocolError, "WINDOW_UPDATE of nothing");
      if (this.#connection.sendWindow > maxInt31)
        throw new ConnectionError(errorCode.flowControlError, "the window is too large");
      return;
    }
    this.#checkStreamId(streamId);
    const stream = this.#connection.streams.get(streamId);
    if (stream === undefined) return;
    if (by === 0) this.#streamError(streamId, errorCode.protocolError, "WINDOW_UPDATE of nothing");
    else if (!stream.grow(by)) this.#streamError(streamId, errorCode.flowControlError, "the window is too large");
  }

  /** Section 6.4. */
  #onRstStream(streamId: number, length: number): void {
    if (length !== 4) throw new ConnectionError(errorCode.frameSizeError, "RST_STREAM has 4 bytes");
    this.#checkStreamId(streamId);
    const stream = this.#connection.streams.get(streamId);
    if (stream === undefined) {
      this.#connection.budgets.idleFrame();
      return;
    }
    stream.close(false);
    if (!stream.hasSentAnswer) this.#connection.budgets.reset(this.#connection.readMs - stream.beganAt);
  }

  /** Section 6.7. */
  #onPing(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId !== 0) throw new ConnectionError(errorCode.protocolError, "PING is for the connection");
    if (to - from !== 8) throw new ConnectionError(errorCode.frameSizeError, "PING has 8 bytes");
    const payload = bytes.subarray(from, to);
    if ((flags & flag.ack) === 0) {
      this.#connection.budgets.controlFrame();
      this.#connection.writer.ping(payload, true);
    } else if (!this.#connection.onPong(payload)) this.#connection.budgets.idleFrame();
  }

  /** Section 5.3 of RFC 7540: priorities are read past. One of another length ends the connection, as on most servers. */
  #onPriority(streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId === 0) throw new ConnectionError(errorCode.protocolError, "PRIORITY is for a stream");
    this.#connection.budgets.idleFrame();
    if (to - from !== priorityBytes) throw new ConnectionError(errorCode.frameSizeError, "PRIORITY has 5 bytes");
    // A stream that has not begun cannot be reset.
    if ((bytes.readUInt32BE(from) & maxInt31) === streamId) {
      throw new ConnectionError(errorCode.protocolError, "a stream depends on itself");
    }
  }

  /** Section 6.8: the client opens no more streams. */
  #onGoaway(streamId: number, bytes: Buffer, from: number, to: number): void {
    if (streamId !== 0) throw new ConnectionError(errorCode.protocolError, "GOAWAY is for the connection");
    this.#connection.budgets.idleFrame();
    if (to - from < 8) throw new ConnectionError(errorCode.frameSizeError, "GOAWAY has 8 bytes at least");
    if (bytes.readUInt32BE(from + 4) === errorCode.noError) this.#connection.drain();
    else this.#connection.end("client", errorCode.noError, "");
  }

  #checkStreamId(streamId: number): void {
    if (streamId === 0) throw new ConnectionError(errorCode.protocolError, "the frame is for a stream");
    if (streamId % 2 === 0) throw new ConnectionError(errorCode.protocolError, "the server has opened no streams");
    if (streamId > this.#connection.streams.lastId && !this.#connection.isDraining) {
      throw new ConnectionError(errorCode.protocolError, "the stream has not begun");
    }
  }

  /** Whether frames of a stream that is not open may come: the server has reset it, or has said that it comes too late. */
  #isIgnored(streamId: number): boolean {
    return (
      this.#connection.streams.wasReset(streamId) ||
      (this.#connection.isDraining && streamId > this.#connection.streams.lastId)
    );
  }

  /** Section 5.4.2. The client has made the server reset: that counts like its own resets. */
  #streamError(streamId: number, code: number, what: string): void {
    const stream = this.#connection.streams.get(streamId);
    const ageMs = stream === undefined ? 0 : this.#connection.readMs - stream.beganAt;
    this.#connection.onMalformed(what);
    if (stream === undefined) {
      this.#connection.writer.rstStream(streamId, code);
      this.#connection.streams.noteReset(streamId);
    } else stream.reset(code);
    this.#connection.budgets.reset(ageMs);
  }

  /** Section 8.1.1. */
  #malformed(streamId: number, what: string): void {
    this.#streamError(streamId, errorCode.protocolError, what);
  }

  /** Section 5.1.2. A client that has not read the server's SETTINGS does not know better. */
  #refuse(streamId: number): void {
    this.#connection.writer.rstStream(streamId, errorCode.refusedStream);
    this.#connection.streams.noteReset(streamId);
    if (this.#settings.isAcknowledged) this.#connection.budgets.reset(0);
    else this.#connection.budgets.idleFrame();
  }
}

function lengthOf(contentLength: string | undefined): number | "malformed" | undefined {
  if (contentLength === undefined) return undefined;
  return /^\d{1,15}$/.test(contentLength) ? Number(contentLength) : "malformed";
}
