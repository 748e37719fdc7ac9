import { createHash } from "node:crypto";
import { type Frame, flags, frameTypes } from "../../support/http2-frames.ts";
import { HeaderDecoder } from "../../support/http2-header-decoder.ts";
import { initialTableBytes, type SentBytes } from "./sent-bytes.ts";

const padded = 8;

/** What a client has received on one stream. */
export interface ObservedStream {
  /** Statuses of interim answers, and the answer's. */
  readonly statuses: readonly string[];
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly trailers: readonly string[] | undefined;
  /** How it ended; `open` if it has not. */
  readonly end: string;
}

interface Answer {
  statuses: string[];
  headers: string[];
  body: Buffer[];
  bodyBytes: number;
  trailers: string[] | undefined;
  end: string;
}

/** Reads the server's frames, and notes what breaks the rules that bind a server. */
export class ReceivedFrames {
  readonly violations: string[] = [];
  readonly goaways: number[] = [];
  readonly pongs: string[] = [];
  settingsAcks = 0;
  hasSettings = false;
  readonly #sent: SentBytes;
  readonly #streams = new Map<number, Answer>();
  readonly #decoder = new HeaderDecoder();
  #block: { readonly stream: number; readonly flags: number; readonly parts: Buffer[] } | undefined;
  #bodyBytes = 0;
  #tableBytes = initialTableBytes;
  /** The table has to become at least so small with the next block: RFC 7541, section 4.2. */
  #shrinkTo: number | undefined;

  constructor(sent: SentBytes) {
    this.#sent = sent;
  }

  /** @returns flow-controlled bytes that the client may give back, and whether the stream takes more */
  add({ type, flags: bits, stream, payload }: Frame): { readonly bytes: number; readonly isOpen: boolean } {
    if (this.#block !== undefined && type !== frameTypes.continuation) this.violations.push("CONTINUATION is missing");
    if (!this.hasSettings && type !== frameTypes.settings) this.violations.push(`type ${type} before SETTINGS`);
    if (payload.length > 16_384) this.violations.push("a long frame");
    if (type === frameTypes.data) return this.#data(bits, stream, payload);
    if (type === frameTypes.headers) this.#headers(bits, stream, payload);
    else if (type === frameTypes.continuation) this.#continuation(bits, payload);
    else if (type === frameTypes.reset) this.#reset(stream, payload.readUInt32BE(0));
    else if (type === frameTypes.settings) this.#settings(bits, payload);
    else if (type === frameTypes.ping) {
      if ((bits & flags.ack) !== 0) this.pongs.push(payload.toString("latin1"));
    } else if (type === frameTypes.goAway) this.goaways.push(payload.readUInt32BE(4));
    else if (type !== frameTypes.windowUpdate) this.violations.push(`a frame of type ${type}`);
    return { bytes: 0, isOpen: false };
  }

  /** What has been received so far. */
  get streams(): Map<number, ObservedStream> {
    return new Map(
      [...this.#streams].map(([id, answer]) => [
        id,
        { ...answer, statuses: [...answer.statuses], body: Buffer.concat(answer.body) },
      ]),
    );
  }

  #answerOf(stream: number): Answer {
    let answer = this.#streams.get(stream);
    if (answer === undefined) {
      answer = { statuses: [], headers: [], body: [], bodyBytes: 0, trailers: undefined, end: "open" };
      this.#streams.set(stream, answer);
    }
    return answer;
  }

  #data(bits: number, stream: number, payload: Buffer) {
    const answer = this.#answerOf(stream);
    if (answer.end !== "open") this.violations.push(`DATA on stream ${stream} behind its end`);
    if (answer.headers.length === 0) this.violations.push(`DATA on stream ${stream} before its headers`);
    const padding = (bits & padded) === 0 ? 0 : 1 + payload.readUInt8(0);
    answer.body.push(padding === 0 ? payload : payload.subarray(1, payload.length - padding + 1));
    answer.bodyBytes += payload.length;
    this.#bodyBytes += payload.length;
    if (answer.bodyBytes > this.#sent.mostBytes(stream))
      this.violations.push(`DATA beyond the window of stream ${stream}`);
    if (this.#bodyBytes > this.#sent.mostBytes(0)) this.violations.push("DATA beyond the connection's window");
    if ((bits & flags.endStream) !== 0) answer.end = "end";
    return { bytes: payload.length, isOpen: answer.end === "open" };
  }

  #headers(bits: number, stream: number, payload: Buffer): void {
    this.#block = { stream, flags: bits, parts: [payload] };
    if ((bits & flags.endHeaders) !== 0) this.#endBlock();
  }

  #continuation(bits: number, payload: Buffer): void {
    if (this.#block === undefined) {
      this.violations.push("CONTINUATION without HEADERS");
      return;
    }
    this.#block.parts.push(payload);
    if ((bits & flags.endHeaders) !== 0) this.#endBlock();
  }

  #endBlock(): void {
    if (this.#block === undefined) return;
    const { stream, flags: bits, parts } = this.#block;
    this.#block = undefined;
    const fields = this.#decode(Buffer.concat(parts));
    const answer = this.#answerOf(stream);
    if (answer.end !== "open") this.violations.push(`HEADERS on stream ${stream} behind its end`);
    const isLast = (bits & flags.endStream) !== 0;
    const [[name, status] = [], ...rest] = fields;
    // The time of day is another in each run.
    const shown = rest.filter(([field]) => field !== "date").map((field) => field.join(": "));
    if (answer.headers.length > 0) {
      if (!isLast) this.violations.push(`trailers that do not end stream ${stream}`);
      answer.trailers = fields.map((field) => field.join(": ")).sort();
    } else {
      if (name !== ":status" || status === undefined) this.violations.push(`stream ${stream} has no :status`);
      answer.statuses.push(`${status}`);
      if (!status?.startsWith("1")) answer.headers = [`:status: ${status}`, ...shown.sort()];
    }
    if (isLast) answer.end = "end";
  }

  #decode(block: Buffer): (readonly [string, string])[] {
    const isShrunk = ((block[0] ?? 0) & 0xe0) === 0x20;
    if (this.#shrinkTo !== undefined && !isShrunk) this.violations.push("HPACK's table is not made smaller");
    this.#shrinkTo = undefined;
    try {
      return this.#decoder.decode(block);
    } catch (error) {
      this.violations.push(`a header block that cannot be decoded: ${error}`);
      return [];
    }
  }

  /** A reset behind the whole answer only stops the request. */
  #reset(stream: number, code: number): void {
    if (stream > this.#sent.lastBegun) this.violations.push(`RST_STREAM on stream ${stream}, which is idle`);
    const answer = this.#answerOf(stream);
    if (answer.end === "open") answer.end = `reset ${code}`;
  }

  #settings(bits: number, payload: Buffer): void {
    if (!this.hasSettings && (bits & flags.ack) !== 0) this.violations.push("ACK before SETTINGS");
    if ((bits & flags.ack) === 0) {
      this.hasSettings = true;
      return;
    }
    if (payload.length > 0) this.violations.push("an ACK with settings");
    const tables = this.#sent.tableSizes[this.settingsAcks++];
    if (tables === undefined) return;
    const [smallest, last] = tables;
    if (smallest < this.#tableBytes) this.#shrinkTo = smallest;
    this.#tableBytes = Math.min(last, initialTableBytes);
  }
}

/** The same for equal answers. */
export function summaryOf({ statuses, headers, body, trailers, end }: ObservedStream): string {
  // How much had been sent before is up to chance.
  if (end.startsWith("reset")) return end;
  const digest = body.length === 0 ? "" : ` ${createHash("sha1").update(body).digest("hex").slice(0, 8)}`;
  const shownTrailers = trailers === undefined ? "" : `, trailers ${JSON.stringify(trailers)}`;
  return `${end}: ${statuses.join(" ")} ${JSON.stringify(headers)}, ${body.length} bytes${digest}${shownTrailers}`;
}
