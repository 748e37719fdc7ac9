/** Length-prefixed messages: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, and Connect's streams alike. */
import { Code, ConnectError } from "@connectrpc/connect";
import { limits } from "../../users/limits.ts";
import { GatheredBytes } from "./gathered-bytes.ts";

/** A byte of flags and the length stand in front of each message. */
export const prefixBytes = 5;
const compressedFlag = 1;

/** Puts the prefix in front of a message. */
export function envelopeOf(message: Uint8Array, flags = 0): Buffer {
  const envelope = Buffer.allocUnsafe(prefixBytes + message.length);
  envelope.set(message, prefixBytes);
  return sealEnvelope(envelope, flags);
}

/** Writes the prefix into the first bytes of a buffer, which has the message behind them. */
export function sealEnvelope(envelope: Buffer, flags = 0): Buffer {
  envelope[0] = flags;
  envelope.writeUInt32BE(envelope.length - prefixBytes, 1);
  return envelope;
}

/**
 * The message in an envelope.
 *
 * @throws ConnectError for one that is compressed
 */
export function messageIn(envelope: Buffer): Buffer {
  if (((envelope[0] ?? 0) & compressedFlag) !== 0) {
    throw new ConnectError("received compressed envelope, but do not know how to decompress", Code.Internal);
  }
  return envelope.subarray(prefixBytes);
}

/** Finds envelopes in the pieces of a request's body, as they arrive. */
export class EnvelopeReader {
  readonly #limit: MessageLimit;
  #piece: Buffer = nothing;
  /** The beginning of an envelope that spans several pieces. */
  readonly #begun = new GatheredBytes();

  /** @param limit of each message */
  constructor(limit: MessageLimit) {
    this.#limit = limit;
  }

  /** Take all envelopes of one piece before adding the next. */
  add(piece: Buffer): void {
    this.#piece = piece;
  }

  /**
   * The next envelope, without a copy if it lies in one piece; undefined if the piece has no more.
   *
   * @throws ConnectError for a message that is too large, before it is read
   */
  next(): Buffer | undefined {
    if (this.#begun.length > 0) return this.#finishBegun();
    const piece = this.#piece;
    if (piece.length === 0) return undefined;
    const end = piece.length < prefixBytes ? prefixBytes : this.#endOf(piece);
    if (piece.length < end) {
      this.#gather(end);
      return undefined;
    }
    if (piece.length === end) {
      this.#piece = nothing;
      return piece;
    }
    this.#piece = piece.subarray(end);
    return piece.subarray(0, end);
  }

  /** @throws ConnectError if the body has ended within an envelope */
  end(): void {
    if (this.#begun.length > 0) throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
  }

  #finishBegun(): Buffer | undefined {
    if (this.#begun.length < prefixBytes) this.#gather(prefixBytes);
    if (this.#begun.length < prefixBytes) return undefined;
    const end = this.#endOf(this.#begun.bytes);
    this.#gather(end);
    return this.#begun.length < end ? undefined : this.#begun.take();
  }

  /** Adds to the envelope that is begun, up to so many bytes. */
  #gather(bytes: number): void {
    const missing = bytes - this.#begun.length;
    this.#begun.add(this.#piece.subarray(0, missing), bytes);
    this.#piece = this.#piece.subarray(missing);
  }

  /** Where the first envelope in these bytes ends. */
  #endOf(bytes: Buffer): number {
    const length = bytes.readUInt32BE(1);
    if (length > limits[this.#limit]) throw tooLarge(this.#limit);
    return prefixBytes + length;
  }
}

/** A limit on the bytes of one message of a request. */
export type MessageLimit = "maxRequestBytes" | "maxOpenRequestBytes";

/** The cause of `tooLarge`'s errors. */
export class LimitCause {
  readonly limit: MessageLimit;

  constructor(limit: MessageLimit) {
    this.limit = limit;
  }
}

/** The error for a message beyond its limit. */
export function tooLarge(limit: MessageLimit): ConnectError {
  const message = `message is larger than ${limits[limit]} bytes`;
  return new ConnectError(message, Code.ResourceExhausted, undefined, undefined, new LimitCause(limit));
}

const nothing: Buffer = Buffer.alloc(0);
