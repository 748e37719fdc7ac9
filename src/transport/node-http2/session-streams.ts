import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { ResetBudget } from "../../http2/reset-budget.ts";

/** Open streams that are checked with each new one: more than one, so that their number does not grow. */
const checkedWithEach = 2;
/** Answers that show that the callers at an address mean no harm. */
const answersToForgive = 100;

/** The streams of one HTTP/2 connection: counts those that are answered, and those that the client resets. */
export class SessionStreams {
  /** Streams so far. */
  begun = 0;
  readonly #onTooManyResets: (isFlood: boolean) => void;
  readonly #onManyAnswers: () => void;
  readonly #resets = new ResetBudget();
  /** Streams that may be open, with when they began. To listen for the close of each would cost every call. */
  readonly #open = new Map<ServerHttp2Stream, number>();
  #hasAnswered = false;
  /** The last stream, until one has been answered. */
  #unanswered: ServerHttp2Stream | undefined;

  /**
   * @param onTooManyResets called with whether hardly a call has been answered
   * @param onManyAnswers called each time that enough calls have been answered to forgive one harmful connection
   */
  constructor(session: ServerHttp2Session, onTooManyResets: (isFlood: boolean) => void, onManyAnswers: () => void) {
    this.#onTooManyResets = onTooManyResets;
    this.#onManyAnswers = onManyAnswers;
    session.on("stream", (stream: ServerHttp2Stream) => this.#begin(stream));
  }

  /** Whether a call has been answered, or begun to be. */
  get hasAnswered(): boolean {
    return this.#hasAnswered || this.#unanswered?.headersSent === true;
  }

  /** Counts the streams that have closed since they were last checked. */
  checkAll(): void {
    this.#check(this.#open.size);
  }

  #begin(stream: ServerHttp2Stream): void {
    this.begun++;
    if (!this.#hasAnswered) {
      this.#hasAnswered = this.hasAnswered;
      this.#unanswered = this.#hasAnswered ? undefined : stream;
    }
    const beganAt = performance.now();
    const onAborted = () => {
      // Answers that were sent before count before it.
      this.checkAll();
      this.#onReset(beganAt);
    };
    if (stream.aborted || stream.destroyed) {
      onAborted();
      return;
    }
    stream.on("aborted", onAborted);
    this.#check(checkedWithEach);
    this.#open.set(stream, beganAt);
  }

  /** @param count how many to check, beginning with those that have waited the longest */
  #check(count: number): void {
    let left = count;
    for (const [stream, beganAt] of this.#open) {
      if (left-- <= 0) return;
      this.#open.delete(stream);
      if (!stream.closed && !stream.destroyed) this.#open.set(stream, beganAt);
      else if (!stream.aborted) this.#onClosed(stream, beganAt);
    }
  }

  #onClosed({ rstCode, headersSent }: ServerHttp2Stream, beganAt: number): void {
    // The client may have reset a stream whose answer was ready.
    if (rstCode !== constants.NGHTTP2_NO_ERROR || !headersSent) {
      this.#onReset(beganAt);
      return;
    }
    this.#resets.answered();
    if (this.#resets.answers % answersToForgive === 0) this.#onManyAnswers();
  }

  #onReset(beganAt: number): void {
    if (!this.#resets.reset(performance.now() - beganAt)) this.#onTooManyResets(this.#resets.isFlood);
  }
}
