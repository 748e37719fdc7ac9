/**
 * A request's messages, on their way to Connect's handlers. Connect negotiates compression and speaks its protocols; what a
 * message may cost is decided here: each is decompressed within its limit, and what UserService decodes is kept for it, with
 * an empty message in its place for Connect to decode.
 */
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError, createContextKey } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { limits } from "../../users/limits.ts";
import type { WorkRoom } from "../guard/semaphore.ts";
import { type Turns, turnToDecode } from "../guard/turns.ts";
import { type MessageLimit, messageIn, prefixBytes, sealEnvelope, tooLarge } from "../messages/envelopes.ts";
import type { Encoding, RequestReader } from "../messages/user-requests.ts";
import { type Hold, inEnvelopes, wholeBody } from "../request-body.ts";
import { type Decompress, decompressorOf } from "./compression.ts";

export interface IncomingOptions {
  readonly encoding: Encoding;
  /** Whether each message has gRPC's prefix, as gRPC's, gRPC-Web's and those of Connect's streams do. */
  readonly isEnveloped: boolean;
  /** Of the bytes of each message, also once it is decompressed. */
  readonly limit: MessageLimit;
  /** Whether the method's handler reads its messages from here. */
  readonly keeps: boolean;
  /** Whether a message is let go of once it has been read, or only with the call. */
  readonly isStream: boolean;
  readonly hold: Hold;
  /** What has ended the request, if something has. */
  readonly endedBy: { readonly error?: ConnectError };
  readonly turns: Turns;
  /** For as many messages as are decompressed at one time. */
  readonly decoders: WorkRoom;
}

const compressedFlag = 1;

export class IncomingMessages {
  readonly #options: IncomingOptions;
  /** Messages that Connect has been given empty ones for. */
  readonly #kept: (() => Buffer | Promise<Buffer>)[] = [];
  #signal = new AbortController().signal;
  #isCompressed = false;

  constructor(options: IncomingOptions) {
    this.#options = options;
  }

  /** Whether the last message that Connect was given came compressed. */
  get isCompressed(): boolean {
    return this.#isCompressed;
  }

  /**
   * The request as Connect gets it.
   *
   * @param pieces its body
   */
  replace(request: UniversalServerRequest, pieces: AsyncIterable<Buffer>): UniversalServerRequest {
    this.#signal = request.signal;
    if (request.method === "GET") return this.#options.keeps ? this.#replaceQuery(request) : request;
    if (this.#options.isEnveloped) return { ...request, body: this.#envelopes(pieces, encodingOf(request.header)) };
    const decompress = decompressorOf(request.header.get("content-encoding"));
    const length = Number(request.header.get("content-length"));
    if (decompress !== undefined) withoutEncoding(request.header);
    request.header.delete("content-length");
    return { ...request, body: this.#onlyMessage(pieces, length, decompress) };
  }

  /**
   * The next message, once Connect has handed on the empty one in its place.
   *
   * @throws ConnectError for a message that cannot be read, or for which there is no memory
   */
  async next<Request>(reader: RequestReader<Request>): Promise<Request> {
    const { hold, endedBy, encoding, isStream, turns } = this.#options;
    const message = this.#kept.shift();
    if (message === undefined) throw new Error("no message has arrived");
    const bytes = await message();
    await turnToDecode(turns, bytes.length);
    let reserved = 0;
    const reserve = (more: number) => {
      reserved += more;
      hold(more);
      if (endedBy.error !== undefined) throw endedBy.error;
    };
    try {
      return reader.read(bytes, encoding, reserve);
    } finally {
      hold(-reserved);
      // A stream's messages were counted with their prefixes.
      if (isStream) hold(-bytes.length - prefixBytes);
    }
  }

  /** @param compression what the envelopes that say so are compressed with */
  async *#envelopes(pieces: AsyncIterable<Buffer>, compression: string | null): AsyncGenerator<Buffer> {
    const { limit, keeps, hold } = this.#options;
    const decompress = decompressorOf(compression);
    for await (const envelope of inEnvelopes(pieces, limit)) {
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
        hold(-given.length);
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
    const { limit, hold, endedBy, decoders } = this.#options;
    const message = await decoders.run(1, this.#signal, () =>
      decompress(compressed.subarray(prefix), limit, prefix, (more) => {
        hold(more);
        if (endedBy.error !== undefined) throw endedBy.error;
      }),
    );
    hold(prefix - compressed.length);
    return prefix === 0 ? message : sealEnvelope(message);
  }

  /**
   * @param flags of its envelope, where it has one
   * @returns what Connect gets
   */
  #keep(message: Buffer, flags?: number): Buffer {
    this.#kept.push(() => message);
    return standInFor(this.#options.encoding, flags);
  }

  /** A Connect GET has its message in the URL. */
  #replaceQuery(request: UniversalServerRequest): UniversalServerRequest {
    const url = new URL(request.url);
    const query = url.searchParams;
    const text = query.get("message") ?? "";
    const isBase64 = query.get("base64") === "1";
    const decompress = decompressorOf(query.get("compression"));
    if (decompress !== undefined) query.delete("compression");
    query.delete("base64");
    query.set("message", standInFor(this.#options.encoding).toString());
    this.#kept.push(() => this.#fromQuery(text, isBase64, decompress));
    return { ...request, url: url.toString() };
  }

  async #fromQuery(text: string, isBase64: boolean, decompress: Decompress | undefined): Promise<Buffer> {
    const bytes = isBase64 ? fromBase64(text) : Buffer.from(text, "utf8");
    this.#options.hold(bytes.length);
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

/** What a body's messages are compressed with, by the header that its protocol has for it. Connect reads no other. */
function encodingOf(header: Headers): string | null {
  const isConnect = /^application\/connect\+/i.test(header.get("content-type") ?? "");
  return header.get(isConnect ? "connect-content-encoding" : "grpc-encoding");
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
