import { compact } from "./compact.ts";
import { ConnectionError } from "./errors.ts";
import { limits } from "./limits.ts";
import { errorCode, flag, frameHeaderBytes, frameType, preface } from "./protocol.ts";

export interface FrameSink {
  /** Whether no more frames are wanted. */
  readonly isOver: boolean;
  /** Whether no more are wanted in this turn of the event loop. */
  readonly hasEnough: boolean;
  /**
   * Takes a frame, whose payload is `bytes` from `from` to `to`. They belong to the sink.
   *
   * @throws ConnectionError
   */
  frame(type: number, flags: number, streamId: number, bytes: Buffer, from: number, to: number): void;
}

/** A DATA frame whose end has not arrived is passed on if it is at least so long. */
const longDataBytes = 1_024;

/**
 * Finds frames in the bytes of a connection, behind the client's preface. Payloads are views on what has arrived; only a frame
 * that spans two arrivals is copied. A long DATA frame is not: it is passed on as several, as they arrive.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  #prefaceLeft: number = preface.length;
  /** The beginning of a frame. */
  #rest: Buffer = nothing;
  /** Whether whole frames are left, since the sink had enough. */
  #waits = false;
  /** What is still to come of a long DATA frame. */
  #dataLeft = 0;
  #dataFlags = 0;
  #dataStream = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Whether the sink had enough before the frames were at their end. `read` goes on with them. */
  get waits(): boolean {
    return this.#waits;
  }

  /** @throws ConnectionError */
  read(chunk: Buffer = nothing): void {
    this.#waits = false;
    const bytes = joined(this.#rest, chunk);
    let at = this.#prefaceLeft > 0 ? this.#readPreface(bytes) : 0;
    if (this.#dataLeft > 0) at = this.#readLongData(bytes, at);
    while (at + frameHeaderBytes <= bytes.length) {
      if (this.#sink.isOver) return;
      if (this.#sink.hasEnough) {
        this.#waits = true;
        break;
      }
      const length = bytes.readUIntBE(at, 3);
      if (length > limits.frameBytes) throw new ConnectionError(errorCode.frameSizeError, "a frame is too long");
      const from = at + frameHeaderBytes;
      const to = from + length;
      const type = bytes.readUInt8(at + 3);
      const flags = bytes.readUInt8(at + 4);
      const streamId = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
      if (to <= bytes.length) {
        this.#sink.frame(type, flags, streamId, bytes, from, to);
        at = to;
        continue;
      }
      if (type === frameType.data && (flags & flag.padded) === 0 && length >= longDataBytes && from < bytes.length) {
        this.#dataFlags = flags;
        this.#dataStream = streamId;
        this.#dataLeft = length;
        at = this.#readLongData(bytes, from);
      }
      break;
    }
    this.#rest = at === bytes.length ? nothing : compact(bytes.subarray(at));
  }

  /** @returns where it ends */
  #readPreface(bytes: Buffer): number {
    const seen = preface.length - this.#prefaceLeft;
    const length = Math.min(this.#prefaceLeft, bytes.length);
    if (!bytes.subarray(0, length).equals(preface.subarray(seen, seen + length))) {
      throw new ConnectionError(errorCode.protocolError, "the client does not begin with HTTP/2's preface");
    }
    this.#prefaceLeft -= length;
    return length;
  }

  /** @returns where it ends */
  #readLongData(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#dataLeft);
    this.#dataLeft -= to - from;
    const flags = this.#dataLeft === 0 ? this.#dataFlags : this.#dataFlags & ~flag.endStream;
    this.#sink.frame(frameType.data, flags, this.#dataStream, bytes, from, to);
    return to;
  }
}

function joined(first: Buffer, second: Buffer): Buffer {
  if (first.length === 0) return second;
  return second.length === 0 ? first : Buffer.concat([first, second]);
}

const nothing: Buffer = Buffer.alloc(0);
