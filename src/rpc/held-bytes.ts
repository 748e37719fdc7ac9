/** Who holds bytes of requests and answers. */
export interface Holder {
  /** What it has said that it holds. Kept by HeldBytes. */
  heldBytes: number;
  /** What `unread` was at the last look. Kept by HeldBytes. */
  unreadBytes: number;
  /** What of its request has arrived before anybody may read it, in bytes. */
  unread(): number;
  /** Ends what is held: there is no room for it, or it does not move. */
  shed(): void;
}

/**
 * What requests that are still coming in, and answers that are still going out, take of the memory together, against a
 * bound. Beyond it, whoever holds the most has to go: small calls do not suffer from large or stalled ones.
 */
export class HeldBytes {
  readonly #max: number;
  readonly #onShed: (reason: "memory" | "stalled") => void;
  /** All that are under way. */
  readonly #open = new Set<Holder>();
  /** Those that hold something. */
  readonly #holders = new Set<Holder>();
  #total = 0;
  /** What each held when it was last looked at. */
  #seen = new Map<Holder, number>();

  /** @param onShed called for each that is ended: there was no memory for it, or nothing moved */
  constructor(max: number, onShed: (reason: "memory" | "stalled") => void = () => {}) {
    this.#max = max;
    this.#onShed = onShed;
  }

  get total(): number {
    return this.#total;
  }

  /** Whose unread bytes count from now on; `close` follows. */
  open(holder: Holder): void {
    this.#open.add(holder);
  }

  close(holder: Holder): void {
    this.#open.delete(holder);
    this.#change(holder, 0, 0);
  }

  /** @param bytes that it holds now, all in all, beside what nobody has read */
  set(holder: Holder, bytes: number): void {
    if (bytes !== holder.heldBytes) this.#change(holder, bytes, holder.unreadBytes);
  }

  /** Counts what has arrived before anybody may read it: Node takes in a stream's window whether or not anybody asks. */
  countUnread(): void {
    for (const holder of this.#open) {
      const unread = holder.unread();
      if (unread !== holder.unreadBytes) this.#change(holder, holder.heldBytes, unread);
    }
  }

  /** Ends those that hold as much as they did at the last look: nothing moves there. */
  shedStalled(): void {
    const seen = this.#seen;
    this.#seen = new Map();
    for (const holder of this.#holders) {
      const bytes = bytesOf(holder);
      if (seen.get(holder) === bytes) this.#shed(holder, "stalled");
      else this.#seen.set(holder, bytes);
    }
  }

  #change(holder: Holder, held: number, unread: number): void {
    this.#total += held + unread - bytesOf(holder);
    holder.heldBytes = held;
    holder.unreadBytes = unread;
    if (bytesOf(holder) === 0) this.#holders.delete(holder);
    else this.#holders.add(holder);
    while (this.#total > this.#max && this.#holders.size > 1) this.#shedLargest();
  }

  #shedLargest(): void {
    let largest: Holder | undefined;
    for (const holder of this.#holders) {
      if (largest === undefined || bytesOf(holder) > bytesOf(largest)) largest = holder;
    }
    if (largest !== undefined) this.#shed(largest, "memory");
  }

  #shed(holder: Holder, reason: "memory" | "stalled"): void {
    this.#onShed(reason);
    this.#open.delete(holder);
    this.#change(holder, 0, 0);
    holder.shed();
  }
}

function bytesOf({ heldBytes, unreadBytes }: Holder): number {
  return heldBytes + unreadBytes;
}
