import type { OutgoingHttpHeaders } from "node:http";
import type { Readable, Writable } from "node:stream";
import { ignore } from "./ignore.ts";

/** The parts that both kinds of exchange share: the body of the request, and the flow of the answer. */
export abstract class NodeExchange {
  readonly #request: Readable;
  readonly #answer: Writable;
  #isReceived = false;
  #added: OutgoingHttpHeaders | undefined;

  /** Both streams carry the bodies. */
  constructor(request: Readable, answer: Writable) {
    this.#request = request;
    this.#answer = answer;
  }

  get unread(): number {
    return this.#isReceived ? 0 : this.#request.readableLength;
  }

  get isGone(): boolean {
    return this.#answer.closed || this.#answer.destroyed;
  }

  receive(onPiece: (piece: Buffer) => void, onEnd: () => void): void {
    this.#isReceived = true;
    // Node ends an empty body whether or not anybody listens.
    if (this.#request.readableEnded) process.nextTick(onEnd);
    else this.#request.on("data", onPiece).on("end", onEnd);
  }

  pause(): void {
    this.#request.pause();
  }

  resume(): void {
    this.#request.resume();
  }

  setHeader(name: string, value: string): void {
    this.#added ??= {};
    this.#added[name] = value;
  }

  write(piece: Uint8Array): boolean {
    return this.isOver || this.#answer.write(piece);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#answer.off("drain", done).off("close", done);
        resolve();
      };
      this.#answer.on("drain", done).on("close", done);
    });
  }

  drop(): void {
    this.#isReceived = true;
    this.#request.on("data", ignore).resume();
  }

  /** Whether nothing of the answer can be sent any more. Node ends the answer to a HEAD itself. */
  protected get isOver(): boolean {
    return this.isGone || this.#answer.writableEnded;
  }

  /** The headers of an answer, with those of `setHeader`. */
  protected withAdded(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
    return this.#added === undefined ? headers : { ...this.#added, ...headers };
  }
}
