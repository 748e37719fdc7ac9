/**
 * A request's messages, on their way to Connect's handlers, which negotiate compression and speak the protocols. Each message is
 * decompressed here, within its limit. UserService's messages are kept for its readers, and Connect decodes empty ones in
 * their place.
 */
import { createContextKey } from "@connectrpc/connect";
import { limits } from "../../users/limits.ts";
import type { Call } from "../call/call.ts";
import type { Semaphore } from "../guard/semaphore.ts";
import { type Turns, turnToDecode } from "../guard/turns.ts";
import { envelopeOf, type MessageLimit, prefixBytes, tooLarge } from "../messages/envelopes.ts";
import { inEnvelopes, wholeBody } from "../messages/request-body.ts";
import type { Encoding, RequestReader } from "../messages/request-reader.ts";
import { type Decompress, decompressorOf, takeContentEncoding } from "./compression.ts";
import type { Content } from "./content.ts";
import { replaceQueryMessage } from "./query-message.ts";
import type { UniversalCallRequest } from "./universal-request.ts";

export interface IncomingOptions {
  readonly content: Content;
  /** On the bytes of each message, as it is sent and decompressed. */
  readonly limit: MessageLimit;
  /** Whether the method's handler reads its messages from here. */
  readonly keeps: boolean;
  readonly turns: Turns;
  /** Bounds how many messages are decompressed at one time. */
  readonly decoders: Semaphore;
}

const compressedFlag = 1;

export class IncomingMessages {
  readonly #call: Call;
  readonly #options: IncomingOptions;
  /** Messages in whose place Connect has got empty ones. */
  readonly #kept: (() => Buffer | Promise<Buffer>)[] = [];
  /** Whether the last message that Connect got was sent compressed. */
  isCompressed = false;

  constructor(call: Call, options: IncomingOptions) {
    this.#call = call;
    this.#options = options;
  }

  /** The request as Connect gets it. */
  replace(request: UniversalCallRequest): UniversalCallRequest {
    const { content, keeps } = this.#options;
    if (request.method === "GET") return keeps ? this.#replaceQuery(request) : request;
    if (content.isEnveloped) return { ...request, body: this.#envelopes(request) };
    const decompress = takeContentEncoding(request.header);
    const length = Number(request.header.get("content-length"));
    request.header.delete("content-length");
    return { ...request, body: this.#onlyMessage(request.body, length, decompress) };
  }

  /**
   * The next message, once Connect has handed on the empty one in its place.
   *
   * @throws ConnectError for a message that cannot be read, or for which there is no memory
   */
  async next<Message>(reader: RequestReader<Message>): Promise<Message> {
    const call = this.#call;
    const bytes = await this.#kept.shift()?.();
    if (bytes === undefined) throw new Error("no message has arrived");
    await turnToDecode(this.#options.turns, bytes.length, call);
    let reserved = 0;
    const reserve = (more: number) => {
      reserved += more;
      this.#hold(more);
    };
    try {
      return reader.read(bytes, call.encoding, reserve);
    } finally {
      call.hold(-reserved);
      // A stream's messages were counted with their prefixes; a unary call's stays with the call.
      if (call.kind.method.methodKind !== "unary") call.hold(-bytes.length - prefixBytes);
    }
  }

  /** @throws ConnectError where there is no memory, which has ended the call */
  #hold(more: number): void {
    this.#call.hold(more);
    if (this.#call.error !== undefined) throw this.#call.error;
  }

  async *#envelopes({ header, body }: UniversalCallRequest): AsyncGenerator<Buffer> {
    const { content, limit, keeps } = this.#options;
    const compression = header.get(content.protocol === "connect" ? "connect-content-encoding" : "grpc-encoding");
    const decompress = decompressorOf(compression);
    for await (const envelope of inEnvelopes(body, limit)) {
      const flags = envelope[0] ?? 0;
      const isCompressed = (flags & compressedFlag) !== 0;
      if (isCompressed && decompress === undefined) {
        // Connect refuses it: its compression is unknown.
        yield envelope;
        continue;
      }
      this.isCompressed = isCompressed;
      const sent = envelope.subarray(prefixBytes);
      const message = isCompressed ? await this.#decompressed(sent, decompress) : sent;
      // Connect decides on all other flags.
      yield envelopeOf(keeps ? this.#keep(message) : message, flags & ~compressedFlag);
      if (!keeps) this.#call.hold(-message.length - prefixBytes);
    }
  }

  async *#onlyMessage(
    pieces: AsyncIterable<Buffer>,
    length: number,
    decompress: Decompress | undefined,
  ): AsyncGenerator<Buffer> {
    const { limit, keeps } = this.#options;
    if (length > limits[limit]) throw tooLarge(limit);
    const message = await this.#decompressed(await wholeBody(pieces, limit), decompress);
    yield keeps ? this.#keep(message) : message;
  }

  async #decompressed(compressed: Buffer, decompress: Decompress | undefined): Promise<Buffer> {
    if (decompress === undefined) return compressed;
    const { limit, decoders } = this.#options;
    const message = await decoders.run(1, this.#call.signal, () =>
      decompress(compressed, limit, (more) => this.#hold(more)),
    );
    this.#call.hold(-compressed.length);
    return message;
  }

  /** @returns what Connect gets in the message's place */
  #keep(message: Buffer): Buffer {
    this.#kept.push(() => message);
    return emptyMessages[this.#call.encoding];
  }

  #replaceQuery(request: UniversalCallRequest): UniversalCallRequest {
    const { url, decompress, bytes } = replaceQueryMessage(request.url, emptyMessages[this.#call.encoding]);
    this.#kept.push(() => {
      const message = bytes();
      this.#call.hold(message.length);
      return this.#decompressed(message, decompress);
    });
    return { ...request, url };
  }
}

const emptyMessages = { binary: Buffer.alloc(0), json: Buffer.from("{}") } as const satisfies Record<Encoding, Buffer>;

/** The messages of a request to a method that reads them itself; set by the adapter. */
export const incomingKey = createContextKey<IncomingMessages | undefined>(undefined, { description: "its messages" });
