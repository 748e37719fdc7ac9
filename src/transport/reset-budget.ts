import { TokenBucket } from "../rpc/guard/token-bucket.ts";

/** A call that is reset sooner has cost its caller no waiting, so that there is no other bound to how many it makes. */
const rapidResetMs = 10;
/** Rapid resets without any answers, at once and each second. */
const freeBurst = 100;
const freePerSecond = 20;
/** Rapid resets that one answer earns. gRPC sends a hedged call five times at most, and cancels all but one. */
const earnedByAnswer = 4;
/** The most that answers earn in advance: one for each call that can be under way. */
const maxEarned = 1_024;
/** With more resets to an answer than so many, a connection does nothing but reset its calls. */
const maxResetsToAnswer = 20;

/** All resets of a connection, at once and each second, whatever else it does: twice, all calls that can be under way. */
export const resetBurst = 2_048;
export const resetsPerSecond = 1_000;

/**
 * The calls that one HTTP/2 connection may reset. Callers who hedge, or whose deadlines are short, reset many and are answered
 * in between; a flood of resets waits for no answers.
 *
 * An answer of any kind counts, also a refusal: it costs the server about as much as a call that is reset, and its caller a
 * round trip. So resets cost no more than a few times what the answers cost that earn them, and never more than
 * `resetsPerSecond`.
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

  /** Calls that have been answered. */
  get answers(): number {
    return this.#answers;
  }

  /** Whether hardly a call has been answered: whoever makes such calls means none of them. */
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
