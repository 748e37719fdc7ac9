import { overloaded } from "../../users/errors.ts";

export interface AdmissionLimits {
  /** Unary calls that are served at one time. */
  readonly maxCalls: number;
  /** Streams that are open at one time. */
  readonly maxStreams: number;
}

type Kind = "unary" | "stream";

/** Admits as many calls as can be answered soon. The rest is refused at once: nobody would wait for its answer. */
export class Admission {
  readonly #max: Readonly<Record<Kind, number>>;
  /** The same each time, so that refusing costs as little as it can. */
  readonly #refusal = overloaded();
  readonly #admitted: Record<Kind, number> = { unary: 0, stream: 0 };

  constructor({ maxCalls, maxStreams }: AdmissionLimits) {
    this.#max = { unary: maxCalls, stream: maxStreams };
  }

  /**
   * Called when the work of a call begins; `leave` follows.
   *
   * @throws UserError OVERLOADED
   */
  enter(kind: Kind): void {
    if (this.#admitted[kind] >= this.#max[kind]) throw this.#refusal;
    this.#admitted[kind]++;
  }

  leave(kind: Kind): void {
    this.#admitted[kind]--;
  }
}
