import { TokenBucket } from "../rate/token-bucket.ts";
import { ConnectionError } from "./errors.ts";
import { limits } from "./limits.ts";
import { errorCode } from "./protocol.ts";
import { ResetBudget } from "./reset-budget.ts";

/** Answers that show that the callers at an address mean no harm. */
const answersToForgive = 100;

/**
 * What one client may do that costs the server and carries no work. Beyond a budget, its connection ends. What carries work earns
 * some of each: a client that is served may do as much as it needs.
 */
export class Budgets {
  readonly #onManyAnswers: () => void;
  readonly #resets = new ResetBudget();
  readonly #freeIdleFrames = new TokenBucket(limits.idleFrames, limits.idleFramesPerSecond);
  #earnedIdleFrames = 0;
  #controlFrames = 0;

  /** @param onManyAnswers called each time that enough calls have been answered to forgive one harmful connection */
  constructor(onManyAnswers: () => void) {
    this.#onManyAnswers = onManyAnswers;
  }

  /** Notes a frame that carries work. */
  work(): void {
    if (this.#earnedIdleFrames < limits.idleFramesEarnedAtMost) this.#earnedIdleFrames += limits.idleFramesEarned;
  }

  /**
   * A frame that carries no work: PRIORITY, WINDOW_UPDATE, GOAWAY, empty DATA, unknown frames, SETTINGS after the first,
   * acknowledgements of nothing, and frames of closed streams. A stream beyond the limit is one before the client knows the limit,
   * and so is DATA that a small window makes the server send. DATA is not that the client sent before it knew of a reset.
   *
   * @returns false if there are too many
   */
  allowsIdleFrame(): boolean {
    if (this.#earnedIdleFrames === 0) return this.#freeIdleFrames.take();
    this.#earnedIdleFrames--;
    return true;
  }

  /** @throws ConnectionError if there are too many */
  idleFrame(): void {
    if (this.allowsIdleFrame()) return;
    throw new ConnectionError(errorCode.enhanceYourCalm, "too many frames carry no work", "idle_frames");
  }

  /** A PING or SETTINGS, which has to be answered. @throws ConnectionError if too many arrive together */
  controlFrame(): void {
    if (++this.#controlFrames <= limits.controlFramesAtOnce) return;
    throw new ConnectionError(errorCode.enhanceYourCalm, "too many PING or SETTINGS frames", "control_frames");
  }

  /** The answers to all control frames have been written. */
  controlFramesAnswered(): void {
    this.#controlFrames = 0;
  }

  answer(): void {
    this.#resets.answered();
    if (this.#resets.answers % answersToForgive === 0) this.#onManyAnswers();
  }

  /**
   * The client has reset a stream, or has made the server reset it.
   *
   * @param ageMs how long ago the stream began
   * @throws ConnectionError if there are too many
   */
  reset(ageMs: number): void {
    if (this.#resets.reset(ageMs)) return;
    const reason = this.#resets.isFlood ? "reset_flood" : "resets";
    throw new ConnectionError(errorCode.enhanceYourCalm, "too many streams are reset", reason);
  }
}
