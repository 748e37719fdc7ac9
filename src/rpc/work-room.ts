/**
 * Memory for work, shared by all who do it. Work that finds no room waits for its turn, in the order in which it came. It is
 * for work that goes on whether or not its caller reads the answer, so that room always comes free.
 */
export class WorkRoom {
  readonly #max: number;
  readonly #waiting = new Set<Waiting>();
  #taken = 0;

  /** @param max bytes; work that needs more has all of it for itself */
  constructor(max: number) {
    this.#max = max;
  }

  /** Bytes that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** How much work waits. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Does some work once there is room for it. Work begins in the order of these calls.
   *
   * @param bytes that it takes
   * @throws the signal's reason, where it aborts before the work has begun
   */
  run<Result>(bytes: number, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting.size === 0 && this.#fits(bytes)) return this.#begin(bytes, work);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        bytes,
        begin: () => {
          signal.removeEventListener("abort", giveUp);
          this.#begin(bytes, work).then(resolve, reject);
        },
      };
      const giveUp = () => {
        this.#waiting.delete(waiting);
        reject(signal.reason);
        this.#letIn();
      };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", giveUp, { once: true });
      if (signal.aborted) giveUp();
    });
  }

  async #begin<Result>(bytes: number, work: () => Promise<Result>): Promise<Result> {
    this.#taken += bytes;
    try {
      return await work();
    } finally {
      this.#taken -= bytes;
      this.#letIn();
    }
  }

  #letIn(): void {
    for (const waiting of this.#waiting) {
      if (!this.#fits(waiting.bytes)) return;
      this.#waiting.delete(waiting);
      waiting.begin();
    }
  }

  #fits(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.#max;
  }
}

interface Waiting {
  readonly bytes: number;
  begin(): void;
}
