/** A server whose header blocks are our HPACK's, at the other end of Node's HTTP/2 client. */
import type { OutgoingHttpHeaders } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { type Duplex, duplexPair } from "node:stream";
import { HpackDecoder } from "../../src/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../src/http2/hpack/encoder.ts";
import { flags, frame, framesIn, frameTypes, settings } from "../support/http2-frames.ts";
import { type Field, fieldsIn } from "./hpack-blocks.ts";

const headerTableSize = 1;
/** Node puts a priority before a block, which has 5 octets. */
const priority = 0x20;
const maxFrame = 16_384;
/** What a client sends before its first frame. */
const prefaceBytes = 24;

export interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly trailers: OutgoingHttpHeaders;
}

export class HpackPeer {
  readonly client: ClientHttp2Session;
  readonly #socket: Duplex;
  readonly #decoder: HpackDecoder;
  readonly #encoder: HpackEncoder;
  #received = Buffer.alloc(0);
  #block: Buffer[] = [];
  #answers: (Answer | Buffer)[] = [];
  /** The fields of each request that came. */
  readonly requests: Field[][] = [];

  constructor(tableBytes: number) {
    this.#decoder = new HpackDecoder(tableBytes);
    this.#encoder = new HpackEncoder(tableBytes);
    const [near, far] = duplexPair();
    this.#socket = far;
    let toSkip = prefaceBytes;
    far.on("data", (bytes: Buffer) => {
      const skipped = Math.min(toSkip, bytes.length);
      toSkip -= skipped;
      this.#received = Buffer.concat([this.#received, bytes.subarray(skipped)]);
      try {
        this.#read();
      } catch (error) {
        this.client.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    this.client = connect("http://localhost", { createConnection: () => near });
    this.setTableBytes(tableBytes);
  }

  /** Tells the client the size of our table. */
  setTableBytes(bytes: number): void {
    this.#socket.write(settings({ [headerTableSize]: bytes }));
  }

  /** What the next request gets: an answer, or the block of one without trailers. */
  answerNext(answer: Answer | Buffer): void {
    this.#answers.push(answer);
  }

  #read(): void {
    const frames = framesIn(this.#received);
    for (const { type, flags: bits, stream, payload } of frames) {
      this.#received = this.#received.subarray(9 + payload.length);
      if (type === frameTypes.settings && (bits & flags.ack) === 0) this.#applySettings(payload);
      if (type !== frameTypes.headers && type !== frameTypes.continuation) continue;
      this.#block.push(type === frameTypes.headers && (bits & priority) !== 0 ? payload.subarray(5) : payload);
      if ((bits & flags.endHeaders) === 0) continue;
      this.requests.push(fieldsIn(this.#decoder, Buffer.concat(this.#block)));
      this.#block = [];
      const answer = this.#answers.shift();
      if (Buffer.isBuffer(answer)) this.#send(stream, answer, flags.endStream);
      else if (answer !== undefined) this.#answer(stream, answer);
    }
  }

  #applySettings(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) === headerTableSize) this.#encoder.setPeerTableBytes(payload.readUInt32BE(at + 2));
    }
    this.#socket.write(frame("settings", flags.ack, 0));
  }

  #answer(stream: number, { status, headers, trailers }: Answer): void {
    this.#send(stream, this.#encoder.encode(status, headers), 0);
    this.#send(stream, this.#encoder.encode(undefined, trailers), flags.endStream);
  }

  #send(stream: number, block: Buffer, bits: number): void {
    for (let at = 0; at === 0 || at < block.length; at += maxFrame) {
      const isLast = at + maxFrame >= block.length;
      const type = at === 0 ? "headers" : "continuation";
      const ends = (at === 0 ? bits : 0) | (isLast ? flags.endHeaders : 0);
      this.#socket.write(frame(type, ends, stream, block.subarray(at, at + maxFrame)));
    }
  }
}
