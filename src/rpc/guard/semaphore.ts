import { WaitingLine } from "./waiting-line.ts";

/**
 * A bound on work that is under way at one time, shared by everyone who does such work. It counts units: bytes of memory, or
 * decoders. Work that finds no room waits its turn, first come, first served. The room is for work that goes on whether or
 * not its caller reads the answer, so that room always comes free.
 */
export class WorkRoom {
  readonly #max: number;
  readonly #line = new WaitingLine((units) => this.#take(units));
  #taken = 0;

  /** @param max units; work that needs more has all of them for itself */
  constructor(max: number) {
    this.#max = max;
  }

  /** Units that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** How much work waits. */
  get waiting(): number {
    return this.#line.length;
  }

  /**
   * Does some work once there is room for it. Work begins in the order of these calls.
   *
   * @param units that it takes
   * @throws the signal's reason, if it aborts while the work waits
   */
  async run<Result>(units: number, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const admitted = this.#line.enter(units, signal);
    if (admitted !== undefined) await admitted;
    try {
      return await work();
    } finally {
      this.#taken -= units;
      this.#line.letIn();
    }
  }

  #take(units: number): boolean {
    if (this.#taken > 0 && this.#taken + units > this.#max) return false;
    this.#taken += units;
    return true;
  }
}
