/** The bytes that one request holds. Only HeldBytes changes it. */
export class Account {
  /** Whether anything is counted: from `open` to `close`. */
  isOpen = false;
  held = 0;
  /** What has arrived before anybody may read it, at the last look. */
  unread = 0;
  /** Grows with whatever its caller or the server does: each piece read, message decoded, and piece of an answer taken. */
  moves = 0;
  /** What `moves` was when it was last looked at. */
  movesSeen = -1;

  get bytes(): number {
    return this.held + this.unread;
  }
}

/** Who holds bytes of requests and answers. */
export interface Holder {
  readonly account: Account;
  /** What of its request has arrived before anybody may read it, in bytes. */
  unread(): number;
  /** Whether it waits for the server: all of its request is there, and no answer waits for its caller. */
  waits(): boolean;
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
  /** All that are under way, and have not had to go. */
  readonly #open = new Set<Holder>();
  /** Those that hold something. */
  readonly #holders = new Set<Holder>();
  #total = 0;

  /** @param onShed called for each that is ended: there was no memory for it, or nothing moved */
  constructor(max: number, onShed: (reason: "memory" | "stalled") => void = () => {}) {
    this.#max = max;
    this.#onShed = onShed;
  }

  get total(): number {
    return this.#total;
  }

  /** Whose bytes count from now on; `close` follows. */
  open(holder: Holder): void {
    holder.account.isOpen = true;
    this.#open.add(holder);
  }

  /** Nothing counts for it any more, whatever is said of it later: work for a caller who has gone may still go on. */
  close(holder: Holder): void {
    this.#open.delete(holder);
    this.#change(holder, 0, 0);
    holder.account.isOpen = false;
  }

  /** @param bytes that it holds now, all in all, beside what nobody has read */
  set(holder: Holder, bytes: number): void {
    if (bytes !== holder.account.held) this.#change(holder, bytes, holder.account.unread);
  }

  /** @param more bytes that it holds than before; fewer, where negative */
  hold(holder: Holder, more: number): void {
    this.set(holder, Math.max(0, holder.account.held + more));
  }

  /** Takes note that its caller has taken a part of what it holds. */
  move(holder: Holder): void {
    holder.account.moves++;
  }

  /** Counts what has arrived before anybody may read it: Node takes in a stream's window whether or not anybody asks. */
  countUnread(): void {
    for (const holder of this.#open) {
      const unread = holder.unread();
      if (unread !== holder.account.unread) this.#change(holder, holder.account.held, unread);
    }
  }

  /** Ends those that hold something, do not wait for the server, and have not moved since the last look. */
  shedStalled(): void {
    for (const holder of this.#holders) {
      const { account } = holder;
      if (account.moves === account.movesSeen && !holder.waits()) this.#shed(holder, "stalled");
      else account.movesSeen = account.moves;
    }
  }

  #change(holder: Holder, held: number, unread: number): void {
    const { account } = holder;
    if (!account.isOpen) return;
    this.#total += held + unread - account.bytes;
    account.held = held;
    account.unread = unread;
    account.moves++;
    if (account.bytes === 0) this.#holders.delete(holder);
    else this.#holders.add(holder);
    while (this.#total > this.#max && this.#holders.size > 1) this.#shedLargest();
  }

  #shedLargest(): void {
    let largest: Holder | undefined;
    for (const holder of this.#holders) {
      if (largest === undefined || holder.account.bytes > largest.account.bytes) largest = holder;
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
