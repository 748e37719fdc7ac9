import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { limits } from "./limits.ts";
import { flag, frameHeaderBytes, frameType } from "./protocol.ts";

/** Frames of one turn of the event loop are gathered in a buffer of this size. */
const bufferBytes = 64 * 1024;
/** Free buffers that are kept, for all connections together. */
const maxFree = 32;
/** Fewer bytes are copied, where the socket may keep what it is given. */
const smallBytes = 32 * 1024;
/** To copy so few bytes one by one is faster than a call. */
const fewBytes = 24;

const free: Buffer[] = [];

/** Writes frames to a socket: all frames of one turn of the event loop together. */
export class FrameWriter {
  readonly #socket: Socket;
  readonly #onRoom: () => void;
  /** A TLS socket may keep what it is given, for as long as it encrypts and sends it. */
  readonly #keeps: boolean;
  #buffer: Buffer = none;
  #length = 0;
  #isScheduled = false;
  #isClosed = false;
  readonly #flush = () => {
    this.#isScheduled = false;
    this.flush();
    this.#onRoom();
  };

  /** @param onRoom called when there may be room again: after frames have been written, and once the socket has drained */
  constructor(socket: Socket, onRoom: () => void) {
    this.#socket = socket;
    this.#onRoom = onRoom;
    this.#keeps = socket instanceof TLSSocket;
    socket.on("drain", onRoom);
  }

  /** Bytes that the kernel has not taken. */
  get waiting(): number {
    return this.#length + this.#socket.writableLength;
  }

  /** Whether streams may write. */
  get hasRoom(): boolean {
    return this.waiting < limits.outputBytes;
  }

  data(streamId: number, bytes: Uint8Array, from: number, to: number, flags: number): void {
    this.#begin(to - from, frameType.data, flags, streamId);
    this.#copy(bytes, from, to);
  }

  /** A header block, in as many frames as it takes: section 6.10. */
  headers(streamId: number, block: Uint8Array, flags: number): void {
    const { frameBytes } = limits;
    if (block.length <= frameBytes) {
      this.#begin(block.length, frameType.headers, flags | flag.endHeaders, streamId);
      this.#copy(block, 0, block.length);
      return;
    }
    for (let at = 0; at < block.length; at += frameBytes) {
      const to = Math.min(block.length, at + frameBytes);
      const type = at === 0 ? frameType.headers : frameType.continuation;
      const ends = to === block.length ? flag.endHeaders : 0;
      this.#begin(to - at, type, (at === 0 ? flags : 0) | ends, streamId);
      this.#copy(block, at, to);
    }
  }

  rstStream(streamId: number, code: number): void {
    this.#begin(4, frameType.rstStream, 0, streamId);
    this.#uint32(code);
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.#begin(4, frameType.windowUpdate, 0, streamId);
    this.#uint32(bytes);
  }

  settings(values: readonly (readonly [id: number, value: number])[]): void {
    this.#begin(values.length * 6, frameType.settings, 0, 0);
    for (const [id, value] of values) {
      this.#length = this.#buffer.writeUInt16BE(id, this.#length);
      this.#uint32(value);
    }
  }

  settingsAck(): void {
    this.#begin(0, frameType.settings, flag.ack, 0);
  }

  /** @param payload 8 bytes */
  ping(payload: Uint8Array, isAck: boolean): void {
    this.#begin(8, frameType.ping, isAck ? flag.ack : 0, 0);
    this.#copy(payload, 0, 8);
  }

  /** @param debug for people who look at the wire */
  goaway(lastStreamId: number, code: number, debug = ""): void {
    const text = Buffer.from(debug, "latin1");
    this.#begin(8 + text.length, frameType.goaway, 0, 0);
    this.#uint32(lastStreamId);
    this.#uint32(code);
    this.#copy(text, 0, text.length);
  }

  /** Passes on what has been gathered. */
  flush(): void {
    const length = this.#length;
    if (length === 0) return;
    if (this.#isClosed) {
      this.#drop();
      return;
    }
    const socket = this.#socket;
    const buffer = this.#buffer;
    const bytes = buffer.subarray(0, length);
    const copies = length < smallBytes && (this.#keeps || socket.writableLength > 0);
    this.#length = 0;
    this.#buffer = none;
    socket.write(copies ? Buffer.from(bytes) : bytes);
    // Without a copy, the buffer is free once the kernel has taken all of it.
    if ((copies || socket.writableLength === 0) && free.length < maxFree) free.push(buffer);
  }

  /** Sends what has been gathered, and then nothing more. */
  end(): void {
    if (this.#isClosed) return;
    this.flush();
    this.close();
    this.#socket.end();
  }

  /** Drops what has been gathered. */
  close(): void {
    this.#isClosed = true;
    this.#socket.off("drain", this.#onRoom);
    this.#drop();
  }

  #drop(): void {
    this.#length = 0;
    if (this.#buffer.length > 0 && free.length < maxFree) free.push(this.#buffer);
    this.#buffer = none;
  }

  #begin(length: number, type: number, flags: number, streamId: number): void {
    if (this.#length + frameHeaderBytes + length > this.#buffer.length) {
      this.flush();
      if (this.#buffer.length === 0) this.#buffer = free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
    }
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flush);
    }
    const buffer = this.#buffer;
    const at = this.#length;
    buffer[at] = length >>> 16;
    buffer[at + 1] = length >>> 8;
    buffer[at + 2] = length;
    buffer[at + 3] = type;
    buffer[at + 4] = flags;
    this.#length = at + 5;
    this.#uint32(streamId);
  }

  #uint32(value: number): void {
    const buffer = this.#buffer;
    const at = this.#length;
    buffer[at] = value >>> 24;
    buffer[at + 1] = value >>> 16;
    buffer[at + 2] = value >>> 8;
    buffer[at + 3] = value;
    this.#length = at + 4;
  }

  #copy(bytes: Uint8Array, from: number, to: number): void {
    const buffer = this.#buffer;
    const start = this.#length - from;
    if (to - from <= fewBytes) for (let at = from; at < to; at++) buffer[start + at] = bytes[at] ?? 0;
    else if (from === 0 && to === bytes.length) buffer.set(bytes, this.#length);
    else buffer.set(bytes.subarray(from, to), this.#length);
    this.#length = start + to;
  }
}

const none: Buffer = Buffer.alloc(0);
