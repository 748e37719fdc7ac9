/** gRPC's length-prefixed messages: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
import { Code, ConnectError } from "@connectrpc/connect";

/** A flag and a length stand in front of each message. */
export const prefixBytes = 5;
const compressedFlag = 1;

/** Writes the prefix into the first bytes of what is otherwise a message. */
export function sealEnvelope(envelope: Buffer): Buffer {
  envelope[0] = 0;
  envelope.writeUInt32BE(envelope.length - prefixBytes, 1);
  return envelope;
}

/** Finds messages in the pieces of a request's body, as they come. */
export class EnvelopeReader {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #length = 0;

  /** @param maxBytes of one message */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /**
   * The next message, without a copy where it lies in one piece; undefined until all of it is there.
   *
   * @throws ConnectError for a message that is compressed or too large, before it is read
   */
  next(): Buffer | undefined {
    if (this.#length < prefixBytes) return undefined;
    const head = this.#atLeast(prefixBytes);
    const length = head.readUInt32BE(1);
    if (length > this.#maxBytes) {
      throw new ConnectError(`message size ${length} is larger than ${this.#maxBytes}`, Code.ResourceExhausted);
    }
    const end = prefixBytes + length;
    if (this.#length < end) return undefined;
    if (((head[0] ?? 0) & compressedFlag) !== 0) {
      throw new ConnectError("received compressed envelope, but do not know how to decompress", Code.Internal);
    }
    const whole = this.#atLeast(end);
    if (whole.length === end) this.#pieces.shift();
    else this.#pieces[0] = whole.subarray(end);
    this.#length -= end;
    return whole.subarray(prefixBytes, end);
  }

  /** @throws ConnectError if a part of a message is left when the body has ended */
  end(): void {
    if (this.#length > 0) throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
  }

  /** The first piece, made to hold so many bytes. */
  #atLeast(bytes: number): Buffer {
    let [first] = this.#pieces;
    if (first === undefined || first.length < bytes) {
      first = Buffer.concat(this.#pieces);
      this.#pieces = [first];
    }
    return first;
  }
}
