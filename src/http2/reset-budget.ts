import { TokenBucket } from "../rate/token-bucket.ts";

/** A call that is reset sooner is rapid: nothing else bounds how many of them a client makes. */
const rapidResetMs = 10;
/** Rapid resets that need no answers, at once and each second. */
const freeBurst = 100;
const freePerSecond = 20;
/** Rapid resets that one answer earns. gRPC sends a hedged call five times at most, and cancels all but one. */
const earnedByAnswer = 4;
/** The most that answers earn in advance: one for each call that can be under way. */
const maxEarned = 1_024;
/** With more resets for each answer, a connection is a flood. */
const maxResetsToAnswer = 20;

/** All resets of a connection, at once and each second: at once, twice as many as calls can be under way. */
export const resetBurst = 2_048;
export const resetsPerSecond = 1_000;

/**
 * The calls that the client of one HTTP/2 connection may reset. Clients that hedge or have short deadlines reset many calls and
 * get answers in between; a flood of resets waits for no answers.
 *
 * Answers of any kind earn resets, refusals too: an answer costs the server about as much as a call that is reset, and the
 * client a round trip. So resets cost at most a few times as much as the answers that earn them.
 */
export class ResetBudget {
  readonly #free: TokenBucket;
  readonly #all: TokenBucket;
  #earned = 0;
  #answers = 0;
  #resets = 0;

  /** @param now tells the time in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#free = new TokenBucket(freeBurst, freePerSecond, now);
    this.#all = new TokenBucket(resetBurst, resetsPerSecond, now);
  }

  /** Answered calls. */
  get answers(): number {
    return this.#answers;
  }

  /** Whether hardly a call has been answered. */
  get isFlood(): boolean {
    return this.#resets > this.#answers * maxResetsToAnswer;
  }

  answered(): void {
    this.#answers++;
    this.#earned = Math.min(maxEarned, this.#earned + earnedByAnswer);
  }

  /**
   * @param ageMs how long ago the call began
   * @returns whether the connection may go on
   */
  reset(ageMs: number): boolean {
    this.#resets++;
    return this.#all.take() && (ageMs >= rapidResetMs || this.#spendRapid());
  }

  #spendRapid(): boolean {
    if (this.#earned === 0) return this.#free.take();
    this.#earned--;
    return true;
  }
}
