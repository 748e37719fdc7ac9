import { overloaded } from "../../users/errors.ts";

export interface AdmissionLimits {
  /** Unary calls that are served at one time. */
  readonly maxCalls: number;
  /** Streams that are open at one time. */
  readonly maxStreams: number;
}

/**
 * Lets in as many calls as can be answered soon. The rest are refused at once: what waits longer than its caller does is
 * work for nobody.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  /** The same each time, so that to refuse costs as little as it can. */
  readonly #refusal = overloaded();
  #calls = 0;
  #streams = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /**
   * Called before a request's body is read.
   *
   * @throws UserError OVERLOADED
   */
  check(kind: "unary" | "stream"): void {
    const isFull = kind === "unary" ? this.#calls >= this.#limits.maxCalls : this.#streams >= this.#limits.maxStreams;
    if (isFull) throw this.#refusal;
  }

  /**
   * Called when the work of a call begins; `leave` follows.
   *
   * @throws UserError OVERLOADED
   */
  enter(kind: "unary" | "stream"): void {
    this.check(kind);
    if (kind === "unary") this.#calls++;
    else this.#streams++;
  }

  leave(kind: "unary" | "stream"): void {
    if (kind === "unary") this.#calls--;
    else this.#streams--;
  }
}
