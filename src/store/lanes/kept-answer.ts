import { whenAborted } from "../../users/when-aborted.ts";

/** Shares one answer among all callers that ask while it is fetched, or soon after. A failure is not kept. */
export class KeptAnswer<Answer> {
  readonly #fetch: () => Promise<Answer>;
  readonly #keptMs: number;
  readonly #now: () => number;
  #answer: Promise<Answer> | undefined;
  #keptUntil = 0;

  /**
   * @param keptMs how long an answer is kept
   * @param now milliseconds of a clock that does not go back
   */
  constructor(fetch: () => Promise<Answer>, keptMs: number, now: () => number = () => performance.now()) {
    this.#fetch = fetch;
    this.#keptMs = keptMs;
    this.#now = now;
  }

  /** Rejects as the fetch does, or with the signal's reason if that aborts first. */
  async ask(signal?: AbortSignal): Promise<Answer> {
    signal?.throwIfAborted();
    const answer = this.#current();
    if (signal === undefined) return answer;
    const aborted = Promise.withResolvers<never>();
    const unlink = whenAborted(signal, aborted.reject);
    try {
      return await Promise.race([answer, aborted.promise]);
    } finally {
      unlink();
    }
  }

  #current(): Promise<Answer> {
    if (this.#answer !== undefined && this.#now() < this.#keptUntil) return this.#answer;
    const answer = this.#fetch();
    this.#answer = answer;
    this.#keptUntil = Number.POSITIVE_INFINITY;
    answer.then(
      () => {
        this.#keptUntil = this.#now() + this.#keptMs;
      },
      () => {
        this.#answer = undefined;
      },
    );
    return answer;
  }
}
