/** Who holds bytes of requests and answers. */
export interface Holder {
  /** Kept by HeldBytes. */
  heldBytes: number;
  /** Ends what is held: there is no room for it, or it does not move. */
  shed(): void;
}

/**
 * What requests that are still coming in, and answers that are still going out, take of the memory together, against a
 * bound. Beyond it, whoever holds the most has to go: small calls do not suffer from large or stalled ones.
 */
export class HeldBytes {
  readonly #max: number;
  readonly #holders = new Set<Holder>();
  #total = 0;
  /** What each held when it was last looked at. */
  #seen = new Map<Holder, number>();

  constructor(max: number) {
    this.#max = max;
  }

  get total(): number {
    return this.#total;
  }

  /** @param bytes that it holds now, all in all */
  set(holder: Holder, bytes: number): void {
    if (bytes === holder.heldBytes) return;
    this.#total += bytes - holder.heldBytes;
    if (bytes === 0) this.#holders.delete(holder);
    else if (holder.heldBytes === 0) this.#holders.add(holder);
    holder.heldBytes = bytes;
    while (this.#total > this.#max && this.#holders.size > 1) this.#shedLargest();
  }

  /** Ends those that hold as much as they did at the last look: nothing moves there. */
  shedStalled(): void {
    const seen = this.#seen;
    this.#seen = new Map();
    for (const holder of this.#holders) {
      if (seen.get(holder) === holder.heldBytes) this.#shed(holder);
      else this.#seen.set(holder, holder.heldBytes);
    }
  }

  #shedLargest(): void {
    let largest: Holder | undefined;
    for (const holder of this.#holders) if (holder.heldBytes > (largest?.heldBytes ?? 0)) largest = holder;
    if (largest !== undefined) this.#shed(largest);
  }

  #shed(holder: Holder): void {
    this.set(holder, 0);
    holder.shed();
  }
}
