import { overloaded } from "../../users/errors.ts";

export interface AdmissionLimits {
  /** Unary calls that are served at one time. */
  readonly maxCalls: number;
  /** Streams that are open at one time. */
  readonly maxStreams: number;
}

/** Admits as many calls as can be answered soon. The rest is refused at once: nobody would wait for its answer. */
export class Admission {
  readonly #limits: AdmissionLimits;
  /** The same each time, so that refusing costs as little as it can. */
  readonly #refusal = overloaded();
  #calls = 0;
  #streams = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /**
   * Called when the work of a call begins; `leave` follows.
   *
   * @throws UserError OVERLOADED
   */
  enter(kind: "unary" | "stream"): void {
    const isFull = kind === "unary" ? this.#calls >= this.#limits.maxCalls : this.#streams >= this.#limits.maxStreams;
    if (isFull) throw this.#refusal;
    if (kind === "unary") this.#calls++;
    else this.#streams++;
  }

  leave(kind: "unary" | "stream"): void {
    if (kind === "unary") this.#calls--;
    else this.#streams--;
  }
}
