export interface Evictable {
  /** Ends it, to make room for another. */
  evict(): void;
}

/** Where something counts from `add` to `delete`. */
export interface Queue {
  add(member: Evictable): void;
  delete(member: Evictable): void;
}

/**
 * Holds a limited number of members, and evicts the oldest for one more. Members that come and go quickly always have room,
 * however many others stay.
 */
export class EvictionQueue implements Queue {
  readonly #max: number;
  readonly #onEvicted: () => void;
  readonly #members = new Set<Evictable>();

  /** @param onEvicted called for each that is evicted */
  constructor(max: number, onEvicted: () => void = () => {}) {
    this.#max = max;
    this.#onEvicted = onEvicted;
  }

  add(member: Evictable): void {
    this.#members.add(member);
    if (this.#members.size <= this.#max) return;
    for (const oldest of this.#members) {
      this.#members.delete(oldest);
      this.#onEvicted();
      oldest.evict();
      return;
    }
  }

  delete(member: Evictable): void {
    this.#members.delete(member);
  }
}
