/**
 * A gRPC client for loads. Its HTTP/2 frames are mostly prepared, and it reads no more of the answers than it must, so that
 * it costs a fraction of the servers it loads. The frames are those of RFC 9113 and RFC 7541.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectWithTls } from "node:tls";

const frameTypes = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const endStream = 0x1;
const endHeaders = 0x4;
const ack = 0x1;
const frameHeaderBytes = 9;
const maxFrameBytes = 16_384;
const maxConcurrentStreams = 3;
const initialWindowSize = 4;
const defaultWindowBytes = 65_535;
/** What a server may send ahead: the most that HTTP/2 allows. */
const largestWindowBytes = 2 ** 31 - 1;
const bytesPerWindowUpdate = 2 ** 29;

/** One call, as its answer comes in. */
export interface StreamHandler {
  /** A piece of the answer's messages, each with gRPC's prefix of five bytes. */
  onData(piece: Buffer): void;
  /** The answer has ended. An answer without a message is an error. */
  onEnd(): void;
}

interface Stream {
  readonly handler: StreamHandler;
  /** Bytes that the server lets this stream send. Unary calls are smaller than any server's initial window. */
  windowBytes: number;
  readonly unsent: Buffer[];
  /** Whether the request ends with what is unsent. */
  ending: boolean;
}

/** What a connection calls, on 127.0.0.1. */
export interface Target {
  readonly port: number;
  /** `/rollcall.v1.UserService/Identify` */
  readonly path: string;
  /** Whether to announce compression in the headers; no message is compressed. */
  readonly mayCompress?: boolean | undefined;
  /** A file in PEM with the authority of the server's certificate. Without it, the connection is in clear text. */
  readonly ca?: string | undefined;
}

/** One HTTP/2 connection, whose calls all go to the same method. */
export class Http2Client {
  readonly #socket: Socket;
  readonly #headers: HeaderBlocks;
  readonly #streams = new Map<number, Stream>();
  readonly #onFailure: (error: Error) => void;
  /** Calls that wait, because the server allows no more streams. */
  readonly #waiting: { readonly handler: StreamHandler; readonly message: Buffer }[] = [];
  #maxStreams = Number.POSITIVE_INFINITY;
  #nextId = 1;
  #rest: Buffer = Buffer.alloc(0);
  #out = Buffer.allocUnsafeSlow(64 * 1024);
  #outBytes = 0;
  #windowBytes = defaultWindowBytes;
  #initialWindowBytes = defaultWindowBytes;
  #unacknowledged = 0;

  static async open(target: Target, onFailure: (error: Error) => void): Promise<Http2Client> {
    return new Http2Client(await socketTo(target), headerBlocks(target), onFailure);
  }

  private constructor(socket: Socket, headers: HeaderBlocks, onFailure: (error: Error) => void) {
    this.#socket = socket;
    this.#onFailure = onFailure;
    this.#headers = headers;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", onFailure);
    socket.on("close", () => onFailure(new Error("the connection was closed")));
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(initialWindowSize, 0);
    settings.writeUInt32BE(largestWindowBytes, 2);
    socket.write(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"));
    this.#frame(frameTypes.settings, 0, 0, settings);
    this.#giveWindow(largestWindowBytes - defaultWindowBytes);
    this.flush();
  }

  /**
   * Starts a unary call, once the server allows another stream. A `flush` sends it.
   *
   * @param message with gRPC's prefix
   */
  callUnary(handler: StreamHandler, message: Buffer): void {
    if (this.#streams.size < this.#maxStreams) this.call(handler, message, true);
    else this.#waiting.push({ handler, message });
  }

  /**
   * Starts a call. The next `flush` sends it.
   *
   * @param message with gRPC's prefix
   * @param ends whether this message is the only one; otherwise `send` adds more
   * @returns the stream's id
   */
  call(handler: StreamHandler, message: Buffer, ends: boolean): number {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream: Stream = { handler, windowBytes: this.#initialWindowBytes, unsent: [], ending: false };
    this.#streams.set(id, stream);
    this.#frame(frameTypes.headers, endHeaders, id, id === 1 ? this.#headers.first : this.#headers.next);
    if (ends && message.length <= Math.min(this.#windowBytes, maxFrameBytes)) {
      this.#windowBytes -= message.length;
      this.#frame(frameTypes.data, endStream, id, message);
      return id;
    }
    stream.unsent.push(message);
    stream.ending = ends;
    this.#pump(id, stream);
    return id;
  }

  /** Sends another message on a stream, as flow control allows. */
  send(id: number, message: Buffer): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.unsent.push(message);
    this.#pump(id, stream);
  }

  /** Ends a stream's request after what has been sent. */
  end(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.ending = true;
    this.#pump(id, stream);
  }

  flush(): void {
    if (this.#outBytes === 0) return;
    this.#socket.write(Buffer.from(this.#out.subarray(0, this.#outBytes)));
    this.#outBytes = 0;
  }

  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  #frame(type: number, flags: number, stream: number, payload: Buffer): void {
    const at = this.#outBytes;
    const size = frameHeaderBytes + payload.length;
    if (at + size > this.#out.length) {
      this.flush();
      this.#frame(type, flags, stream, payload);
      return;
    }
    const out = this.#out;
    out.writeUIntBE(payload.length, at, 3);
    out[at + 3] = type;
    out[at + 4] = flags;
    out.writeUInt32BE(stream, at + 5);
    out.set(payload, at + frameHeaderBytes);
    this.#outBytes = at + size;
  }

  #giveWindow(bytes: number): void {
    const increment = Buffer.alloc(4);
    increment.writeUInt32BE(bytes);
    this.#frame(frameTypes.windowUpdate, 0, 0, increment);
  }

  #pump(id: number, stream: Stream): void {
    for (let head = stream.unsent[0]; head !== undefined; head = stream.unsent[0]) {
      const size = Math.min(head.length, maxFrameBytes, stream.windowBytes, this.#windowBytes);
      if (size <= 0) return;
      this.#frame(frameTypes.data, 0, id, head.subarray(0, size));
      stream.windowBytes -= size;
      this.#windowBytes -= size;
      if (size === head.length) stream.unsent.shift();
      else stream.unsent[0] = head.subarray(size);
    }
    if (stream.ending) {
      stream.ending = false;
      this.#frame(frameTypes.data, endStream, id, Buffer.alloc(0));
    }
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + frameHeaderBytes <= bytes.length) {
      const end = at + frameHeaderBytes + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const id = bytes.readUInt32BE(at + 5);
      this.#onFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, id, bytes.subarray(at + frameHeaderBytes, end));
      at = end;
    }
    this.#rest = bytes.subarray(at);
    this.flush();
  }

  #onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case frameTypes.data:
        this.#received(payload.length);
        this.#streams.get(id)?.handler.onData(payload);
        if ((flags & endStream) !== 0) this.#ended(id);
        break;
      case frameTypes.headers:
        if ((flags & endStream) !== 0) this.#ended(id);
        break;
      case frameTypes.reset:
        this.#ended(id);
        break;
      case frameTypes.settings:
        if ((flags & ack) === 0) this.#configure(payload);
        break;
      case frameTypes.ping:
        if ((flags & ack) === 0) this.#frame(frameTypes.ping, ack, 0, payload);
        break;
      case frameTypes.goAway:
        this.#onFailure(new Error(`the server ended the connection: ${payload.toString("latin1", 8)}`));
        break;
      case frameTypes.windowUpdate:
        this.#gotWindow(id, payload.readUInt32BE());
    }
  }

  #received(bytes: number): void {
    this.#unacknowledged += bytes;
    if (this.#unacknowledged < bytesPerWindowUpdate) return;
    this.#giveWindow(this.#unacknowledged);
    this.#unacknowledged = 0;
  }

  #ended(id: number): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.handler.onEnd();
    if (this.#waiting.length === 0 || this.#streams.size >= this.#maxStreams) return;
    const next = this.#waiting.shift();
    if (next !== undefined) this.call(next.handler, next.message, true);
  }

  #configure(settings: Buffer): void {
    for (let at = 0; at + 6 <= settings.length; at += 6) {
      const setting = settings.readUInt16BE(at);
      const value = settings.readUInt32BE(at + 2);
      if (setting === maxConcurrentStreams) this.#maxStreams = value;
      if (setting !== initialWindowSize) continue;
      for (const stream of this.#streams.values()) stream.windowBytes += value - this.#initialWindowBytes;
      this.#initialWindowBytes = value;
    }
    this.#frame(frameTypes.settings, ack, 0, Buffer.alloc(0));
  }

  #gotWindow(id: number, bytes: number): void {
    if (id === 0) {
      this.#windowBytes += bytes;
      for (const [streamId, stream] of this.#streams) this.#pump(streamId, stream);
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.windowBytes += bytes;
    this.#pump(id, stream);
  }
}

async function socketTo({ port, ca }: Target): Promise<Socket> {
  const host = "127.0.0.1";
  if (ca === undefined) {
    const socket = connect({ port, host, noDelay: true });
    await once(socket, "connect");
    return socket;
  }
  const socket = connectWithTls({ port, host, ca: readFileSync(ca), ALPNProtocols: ["h2"] });
  socket.setNoDelay();
  await once(socket, "secureConnect");
  return socket;
}

/** The headers of a call. The first call puts them into the connection's table, later calls refer to it. */
interface HeaderBlocks {
  readonly first: Buffer;
  readonly next: Buffer;
}

function headerBlocks({ path, mayCompress, ca }: Target): HeaderBlocks {
  const text = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value, "latin1")]);
  const ofKnownName = (index: number, value: string) => Buffer.concat([Buffer.of(0x40 | index), text(value)]);
  const ofNewName = (name: string, value: string) => Buffer.concat([Buffer.of(0x40), text(name), text(value)]);
  const known = Buffer.of(0x83, ca === undefined ? 0x86 : 0x87); // :method POST, :scheme http or https
  const table = [
    ofKnownName(4, path),
    ofKnownName(1, "127.0.0.1"),
    ofKnownName(31, "application/grpc"),
    ofNewName("te", "trailers"),
    ofKnownName(58, "rollcall-bench"),
    // Longer than any load.
    ofNewName("grpc-timeout", "10M"),
    ...(mayCompress === true ? [ofNewName("grpc-encoding", "gzip")] : []),
  ];
  const references = table.map((_, index) => Buffer.of(0x80 | (62 + table.length - 1 - index)));
  return { first: Buffer.concat([known, ...table]), next: Buffer.concat([known, ...references]) };
}
