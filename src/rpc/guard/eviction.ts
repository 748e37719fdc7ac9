/**
 * So many at one time: for one more, the one that has been there the longest has to go. So those that come and go soon
 * always have room, however many others stay.
 */
export class OldestOut {
  readonly #max: number;
  readonly #onShed: () => void;
  readonly #members = new Set<Sheddable>();

  /** @param onShed called for each that has to go */
  constructor(max: number, onShed: () => void = () => {}) {
    this.#max = max;
    this.#onShed = onShed;
  }

  add(member: Sheddable): void {
    this.#members.add(member);
    if (this.#members.size <= this.#max) return;
    for (const oldest of this.#members) {
      this.#members.delete(oldest);
      this.#onShed();
      oldest.shed();
      return;
    }
  }

  delete(member: Sheddable): void {
    this.#members.delete(member);
  }
}

export interface Sheddable {
  /** Ends it. */
  shed(): void;
}
