import { frameTypes } from "../../support/http2-frames.ts";

const headerBytes = 9;
const endHeaders = 4;
const ack = 1;
/** A longer frame ends the connection. */
const maxFrameBytes = 16_384;
const initialWindow = 65_535;
const initialTableBytes = 4_096;

/** Follows the bytes that a client sends as a server reads them: as frames, whatever the client meant. */
export class SentBytes {
  /** Streams that the client has reset. */
  readonly resets = new Set<number>();
  /** The highest stream with HEADERS. */
  lastBegun = 0;
  /** For each SETTINGS frame, the smallest and the last size of HPACK's table that it allows, if it says one. */
  readonly tableSizes: (readonly [smallest: number, last: number] | undefined)[] = [];
  #header = Buffer.alloc(0);
  #payload: Buffer[] = [];
  #left = 0;
  /** Whether a block of headers goes on in CONTINUATION. */
  #isInBlock = false;
  #largestInitialWindow = initialWindow;
  readonly #windows = new Map<number, number>();

  /** Bytes that the frame still lacks; undefined where the server closes the connection instead. */
  get missing(): number | undefined {
    const begun = this.#header.length;
    if (begun > 0 && begun < headerBytes) return headerBytes - begun;
    return this.#left > maxFrameBytes ? undefined : this.#left;
  }

  /** Whether another frame may follow. */
  get isBetweenFrames(): boolean {
    return this.missing === 0 && !this.#isInBlock;
  }

  /** The most that the server may ever have sent on the stream, or on the connection, which is stream 0. */
  mostBytes(stream: number): number {
    return (stream === 0 ? initialWindow : this.#largestInitialWindow) + (this.#windows.get(stream) ?? 0);
  }

  add(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#left > 0) {
        const part = rest.subarray(0, this.#left);
        this.#left -= part.length;
        this.#payload.push(part);
        rest = rest.subarray(part.length);
      } else {
        const part = rest.subarray(0, headerBytes - this.#header.length);
        this.#header = Buffer.concat([this.#header, part]);
        rest = rest.subarray(part.length);
        if (this.#header.length < headerBytes) return;
        this.#left = this.#header.readUIntBE(0, 3);
      }
      if (this.#left === 0) this.#end();
    }
  }

  /** Takes a frame into account, once all of it is sent. */
  #end(): void {
    const type = this.#header.readUInt8(3);
    const flags = this.#header.readUInt8(4);
    const stream = this.#header.readUInt32BE(5) & 0x7fff_ffff;
    const payload = Buffer.concat(this.#payload);
    if (type === frameTypes.headers) this.lastBegun = Math.max(this.lastBegun, stream);
    this.#header = Buffer.alloc(0);
    this.#payload = [];
    if (type === frameTypes.headers || type === frameTypes.continuation) this.#isInBlock = (flags & endHeaders) === 0;
    else if (type === frameTypes.reset) this.resets.add(stream);
    else if (type === frameTypes.windowUpdate && payload.length === 4) {
      this.#windows.set(stream, (this.#windows.get(stream) ?? 0) + (payload.readUInt32BE(0) & 0x7fff_ffff));
    } else if (type === frameTypes.settings && (flags & ack) === 0) this.#settings(payload);
  }

  #settings(payload: Buffer): void {
    const sizes: number[] = [];
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const id = payload.readUInt16BE(at);
      const value = payload.readUInt32BE(at + 2);
      if (id === 1) sizes.push(value);
      if (id === 4) this.#largestInitialWindow = Math.max(this.#largestInitialWindow, value);
    }
    const last = sizes.at(-1);
    const tables = last === undefined ? undefined : ([Math.min(...sizes), last] as const);
    this.tableSizes.push(tables);
  }
}

export { initialTableBytes };
