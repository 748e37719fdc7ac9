import { WaitQueue } from "./wait-queue.ts";

/**
 * Bounds the work of one kind that is under way at one time. It counts units: bytes of memory, or decoders.
 * Work that finds no room waits its turn, first come, first served. It is for work that goes on whether or not its caller
 * reads the answer, so that room always comes free.
 */
export class Semaphore {
  readonly #max: number;
  readonly #waiting = new WaitQueue((units) => this.#tryAcquire(units));
  #used = 0;

  /** @param max units; work that needs more has all of them for itself */
  constructor(max: number) {
    this.#max = max;
  }

  /** Units in use. */
  get used(): number {
    return this.#used;
  }

  /** How much work waits. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Does some work once there is room for it. Work begins in the order of these calls.
   *
   * @param units that it takes
   * @throws the signal's reason, if it aborts while the work waits
   */
  async run<Result>(units: number, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const acquired = this.#waiting.acquire(units, signal);
    if (acquired !== undefined) await acquired;
    try {
      return await work();
    } finally {
      this.#used -= units;
      this.#waiting.retry();
    }
  }

  #tryAcquire(units: number): boolean {
    if (this.#used > 0 && this.#used + units > this.#max) return false;
    this.#used += units;
    return true;
  }
}
