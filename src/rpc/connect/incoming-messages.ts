/**
 * A request's messages, on their way to Connect's handlers. Connect negotiates compression and speaks its protocols; what a
 * message may cost is decided here: each is decompressed within its limit, and what UserService decodes is kept for it, with
 * an empty message in its place for Connect to decode.
 */
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError, createContextKey } from "@connectrpc/connect";
import { limits } from "../../users/limits.ts";
import type { Call } from "../call/call.ts";
import type { Semaphore } from "../guard/semaphore.ts";
import { type Turns, turnToDecode } from "../guard/turns.ts";
import { type MessageLimit, messageIn, prefixBytes, sealEnvelope, tooLarge } from "../messages/envelopes.ts";
import { inEnvelopes, wholeBody } from "../messages/request-body.ts";
import type { Encoding, RequestReader } from "../messages/request-reader.ts";
import { type Decompress, decompressorOf } from "./compression.ts";
import type { Content } from "./content.ts";

export interface IncomingOptions {
  readonly content: Content;
  /** Of the bytes of each message, also once it is decompressed. */
  readonly limit: MessageLimit;
  /** Whether the method's handler reads its messages from here. */
  readonly keeps: boolean;
  readonly turns: Turns;
  /** Bounds how many messages are decompressed at one time. */
  readonly decoders: Semaphore;
}

/** A request on its way to Connect. */
interface IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly header: Headers;
  readonly body: AsyncIterable<Buffer>;
}

const compressedFlag = 1;

export class IncomingMessages {
  readonly #call: Call;
  readonly #options: IncomingOptions;
  /** Messages that Connect has been given empty ones for. */
  readonly #kept: (() => Buffer | Promise<Buffer>)[] = [];
  #isCompressed = false;

  constructor(call: Call, options: IncomingOptions) {
    this.#call = call;
    this.#options = options;
  }

  /** Whether the last message that Connect was given came compressed. */
  get isCompressed(): boolean {
    return this.#isCompressed;
  }

  /** The request as Connect gets it. */
  replace<Request extends IncomingRequest>(request: Request): Request {
    const { content, keeps } = this.#options;
    if (request.method === "GET") return keeps ? this.#replaceQuery(request) : request;
    if (content.isEnveloped) return { ...request, body: this.#envelopes(request) };
    const decompress = decompressorOf(request.header.get("content-encoding"));
    const length = Number(request.header.get("content-length"));
    if (decompress !== undefined) withoutEncoding(request.header);
    request.header.delete("content-length");
    return { ...request, body: this.#onlyMessage(request.body, length, decompress) };
  }

  /**
   * The next message, once Connect has handed on the empty one in its place.
   *
   * @throws ConnectError for a message that cannot be read, or for which there is no memory
   */
  async next<Request>(reader: RequestReader<Request>): Promise<Request> {
    const call = this.#call;
    const message = this.#kept.shift();
    if (message === undefined) throw new Error("no message has arrived");
    const bytes = await message();
    await turnToDecode(this.#options.turns, bytes.length);
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

  async *#envelopes({ header, body }: IncomingRequest): AsyncGenerator<Buffer> {
    const { limit, keeps } = this.#options;
    const decompress = decompressorOf(this.#compressionIn(header));
    for await (const envelope of inEnvelopes(body, limit)) {
      const flags = envelope[0] ?? 0;
      const isCompressed = (flags & compressedFlag) !== 0;
      if (isCompressed && decompress === undefined) {
        // Connect refuses it: nobody has named the compression.
        yield envelope;
        continue;
      }
      this.#isCompressed = isCompressed;
      const given = isCompressed ? await this.#decompressed(envelope, decompress, prefixBytes) : envelope;
      // Connect decides on all other flags.
      given[0] = flags & ~compressedFlag;
      if (keeps) yield this.#keep(messageIn(given), given[0]);
      else {
        yield given;
        this.#call.hold(-given.length);
      }
    }
  }

  async *#onlyMessage(
    pieces: AsyncIterable<Buffer>,
    length: number,
    decompress: Decompress | undefined,
  ): AsyncGenerator<Buffer> {
    const { limit } = this.#options;
    if (length > limits[limit]) throw tooLarge(limit);
    const message = await this.#decompressed(await wholeBody(pieces, limit), decompress, 0);
    yield this.#options.keeps ? this.#keep(message) : message;
  }

  /** @param prefix bytes of a prefix in front of the message, which is written anew */
  async #decompressed(compressed: Buffer, decompress: Decompress | undefined, prefix: number): Promise<Buffer> {
    if (decompress === undefined) return compressed;
    const { limit, decoders } = this.#options;
    const message = await decoders.run(1, this.#call.signal, () =>
      decompress(compressed.subarray(prefix), limit, prefix, (more) => this.#hold(more)),
    );
    this.#call.hold(prefix - compressed.length);
    return prefix === 0 ? message : sealEnvelope(message);
  }

  /** What the envelopes that say so are compressed with: each protocol has a header of its own. */
  #compressionIn(header: Headers): string | null {
    return header.get(this.#options.content.protocol === "connect" ? "connect-content-encoding" : "grpc-encoding");
  }

  /**
   * @param flags of its envelope, where it has one
   * @returns what Connect gets
   */
  #keep(message: Buffer, flags?: number): Buffer {
    this.#kept.push(() => message);
    return standInFor(this.#call.encoding, flags);
  }

  /** A Connect GET has its message in the URL. */
  #replaceQuery<Request extends IncomingRequest>(request: Request): Request {
    const url = new URL(request.url);
    const query = url.searchParams;
    const text = query.get("message") ?? "";
    const isBase64 = query.get("base64") === "1";
    const decompress = decompressorOf(query.get("compression"));
    if (decompress !== undefined) query.delete("compression");
    query.delete("base64");
    query.set("message", standInFor(this.#call.encoding).toString());
    this.#kept.push(() => this.#fromQuery(text, isBase64, decompress));
    return { ...request, url: url.toString() };
  }

  async #fromQuery(text: string, isBase64: boolean, decompress: Decompress | undefined): Promise<Buffer> {
    const bytes = isBase64 ? fromBase64(text) : Buffer.from(text, "utf8");
    this.#call.hold(bytes.length);
    return this.#decompressed(bytes, decompress, 0);
  }
}

const emptyMessages = { binary: Buffer.alloc(0), json: Buffer.from("{}") } as const satisfies Record<Encoding, Buffer>;

/**
 * An empty message.
 *
 * @param flags of its envelope, where it has one
 */
function standInFor(encoding: Encoding, flags?: number): Buffer {
  const message = emptyMessages[encoding];
  if (flags === undefined) return message;
  const envelope = sealEnvelope(Buffer.concat([Buffer.alloc(prefixBytes), message]));
  envelope[0] = flags;
  return envelope;
}

/** Says that the body is not compressed. Without Accept-Encoding, the answer keeps the request's compression. */
function withoutEncoding(header: Headers): void {
  const encoding = header.get("content-encoding");
  if (encoding !== null && !header.has("accept-encoding")) header.set("accept-encoding", encoding);
  header.delete("content-encoding");
}

function fromBase64(text: string): Buffer {
  try {
    return Buffer.from(base64Decode(text));
  } catch {
    throw new ConnectError("the query parameter message is not base64", Code.InvalidArgument);
  }
}

/** The messages of a request to a method that reads them itself; set by the adapter. */
export const incomingKey = createContextKey<IncomingMessages | undefined>(undefined, { description: "its messages" });
