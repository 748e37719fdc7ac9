import { once } from "node:events";
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { nobody, type Presented, type Principal } from "../../credentials/principal.ts";
import type { Report } from "../../telemetry/failure-log.ts";
import type { ObservedRequest } from "../../telemetry/requests.ts";
import { resetWhenStalled, streamWaits } from "../../transport/waits-for-answer.ts";
import { overloaded } from "../../users/errors.ts";
import { answerPieceBytes, answerPieces } from "../answer-pieces.ts";
import type { CallContext } from "../call-context.ts";
import { canceled, describeError } from "../errors.ts";
import { Account, type HeldBytes, type Holder } from "../guard/memory-budget.ts";
import { letGo } from "../request-body.ts";
import { trailersOf } from "./status.ts";

const answerHeaders: OutgoingHttpHeaders = {
  ":status": 200,
  "content-type": "application/grpc+proto",
  "grpc-accept-encoding": "gzip,br",
};
const answerOptions = { waitForTrailers: true, sendDate: false } as const;
const okTrailers: OutgoingHttpHeaders = { "grpc-status": "0" };

/** How long a caller may take to read what was written before its call was cut short. */
const lastAnswerMs = 1_000;

export interface GrpcCallOptions {
  /** In milliseconds from now; undefined where the caller waits for as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** How long nothing may move where the caller sets no deadline. */
  readonly stallTimeoutMs: number;
  /** Called where it is ended for that. */
  readonly onStalled: () => void;
  readonly held: HeldBytes;
  /** What the caller shows of themselves. */
  readonly presented: () => Presented;
  /** Asks the gate again, for a call of the method. */
  readonly recheck: (call: GrpcCall, presented: () => Presented) => Promise<Principal>;
  /** Puts an error that did not come from a handler into the contract's terms. */
  readonly restate: (error: ConnectError) => void;
  readonly observed: ObservedRequest;
  readonly report: Report;
  /** Called once, when the answer is known; without an error if all is well. */
  readonly onEnd: (call: GrpcCall, error: ConnectError | undefined) => void;
}

/**
 * One gRPC call on its HTTP/2 stream. It is answered once: by its handler, or by what ended it before, and what comes
 * after that is dropped. What few handlers touch is made when it is.
 */
export class GrpcCall implements CallContext, Holder {
  /** Nobody, until it is known. */
  caller: Principal = nobody;
  readonly account = new Account();
  readonly admittedAt = performance.now();
  readonly #stream: ServerHttp2Stream;
  readonly #options: GrpcCallOptions;
  #deadline: NodeJS.Timeout | undefined;
  #abort: AbortController | undefined;
  #ended = false;
  #trailers = okTrailers;
  /** Why it ended before its time. */
  #reason: ConnectError | undefined;

  constructor(stream: ServerHttp2Stream, options: GrpcCallOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on("error", ignore);
    // A stream that is reset without an error would wait for its request to be read, and its answers to be sent.
    stream.on("aborted", () => {
      this.#end(canceled());
      // Where it is this side that resets it, the reset is sent first.
      setImmediate(() => stream.destroy());
    });
    stream.on("close", () => {
      options.held.close(this);
      if (!this.#ended) this.#end(canceled());
    });
    options.held.open(this);
    const { timeoutMs, stallTimeoutMs } = options;
    if (timeoutMs === undefined || timeoutMs > stallTimeoutMs) {
      resetWhenStalled(stream, stallTimeoutMs, () => options.onStalled());
    }
    if (timeoutMs === undefined) return;
    if (timeoutMs <= 0) this.fail(deadlineExceeded());
    else this.#deadline = setTimeout(() => this.cutShort(deadlineExceeded()), timeoutMs);
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#reason !== undefined) this.#abort.abort(this.#reason);
    }
    return this.#abort.signal;
  }

  report(failure: unknown): void {
    this.#options.report(failure, this.#options.observed.ids());
  }

  async recheck(): Promise<void> {
    const { recheck, presented } = this.#options;
    this.caller = await recheck(this, presented);
  }

  /** Does the call's work as a part of its trace. */
  run<Result>(work: () => Result): Result {
    return this.#options.observed.run(work);
  }

  /** Whether it has been answered, or needs no answer any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The one answer of a unary call: a message with its prefix. */
  answer(envelope: Buffer): void {
    if (!this.#end(undefined) || this.#isGone) return;
    this.#begin();
    this.#options.held.set(this, envelope.length);
    if (envelope.length <= answerPieceBytes) this.#stream.end(envelope);
    else this.#endWith(answerPieces(envelope));
  }

  #endWith(pieces: Iterator<Uint8Array>): void {
    const { done, value } = pieces.next();
    if (done === true) this.#stream.end();
    else {
      this.#stream.write(value, (error) => {
        if (error || this.#isGone) return;
        this.#options.held.move(this);
        this.#endWith(pieces);
      });
    }
  }

  /** One of several answers. Resolves when the caller has room for more. */
  async write(envelope: Buffer): Promise<void> {
    if (this.#ended || this.#isGone) return;
    if (!this.#stream.headersSent) this.#begin();
    for (const piece of answerPieces(envelope)) {
      if (this.#stream.write(piece)) continue;
      this.hold(envelope.length);
      await once(this.#stream, "drain", { signal: this.signal });
      this.hold(-envelope.length);
    }
  }

  unread(): number {
    // Once it is served, a call is read, or its caller held back.
    return this.caller === nobody ? this.#stream.readableLength : 0;
  }

  waits(): boolean {
    return streamWaits(this.#stream);
  }

  hold(bytes: number): void {
    if (!this.#ended) this.#options.held.hold(this, bytes);
  }

  shed(): void {
    if (this.#ended) this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    else this.cutShort(describeError(overloaded()));
  }

  /** No further answer comes. */
  finish(): void {
    if (!this.#end(undefined) || this.#isGone) return;
    if (!this.#stream.headersSent) this.#begin();
    this.#stream.end();
    this.#dropRequest();
  }

  /** Ends the call with an error, after the answers that have been written. */
  fail(error: ConnectError): void {
    if (this.#ended) return;
    this.#options.restate(error);
    this.#end(error);
    if (this.#isGone) return;
    const trailers = trailersOf(error);
    if (this.#stream.headersSent) {
      this.#trailers = trailers;
      this.#stream.end();
    } else {
      this.#stream.respond({ ...answerHeaders, ...trailers }, { endStream: true });
      this.#dismiss();
    }
    this.#dropRequest();
  }

  /** Ends the call with an error, whether or not its caller reads what has been written. */
  cutShort(error: ConnectError): void {
    if (this.#ended) return;
    const answering = this.#stream.headersSent;
    this.fail(error);
    if (answering) setTimeout(() => this.#stream.close(constants.NGHTTP2_CANCEL), lastAnswerMs).unref();
  }

  #begin(): void {
    this.#stream.respond(answerHeaders, answerOptions);
    this.#stream.on("wantTrailers", () => {
      if (this.#isGone) return;
      this.#stream.sendTrailers(this.#trailers);
      this.#dismiss();
    });
  }

  /** Whether the caller has reset the stream, or the connection has broken: nothing can be sent any more. */
  get #isGone(): boolean {
    return this.#stream.closed || this.#stream.destroyed;
  }

  /** Once all is answered, the client need not send the rest of its request: RFC 9113, section 8.1. */
  #dismiss(): void {
    const stream = this.#stream;
    if (!stream.readableEnded) setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
  }

  /** What is left of the request is not for anybody: the stream closes only once it has been read. */
  #dropRequest(): void {
    const stream = this.#stream;
    if (stream.readableEnded) return;
    // A caller that resets the stream without an error, instead of reading its answers, will never have read them.
    stream.once("end", () => {
      if (stream.closed && stream.sentTrailers === undefined) stream.destroy();
    });
    letGo(stream);
  }

  /** @returns false if the call had ended before */
  #end(error: ConnectError | undefined): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    clearTimeout(this.#deadline);
    this.#options.onEnd(this, error);
    if (error !== undefined) {
      this.#reason = error;
      this.#abort?.abort(error);
    }
    return true;
  }
}

function deadlineExceeded(): ConnectError {
  return new ConnectError("the operation timed out", Code.DeadlineExceeded);
}

/** A stream that fails closes, and its call ends with that. */
function ignore(): void {}
