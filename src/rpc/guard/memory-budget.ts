/** The bytes that one call holds. Only MemoryBudget changes it. */
export class Account {
  /** Whether anything is counted: from `open` to `close`. */
  isOpen = false;
  held = 0;
  /** Bytes that had arrived unread, at the last look. */
  unread = 0;
  /** Grows with whatever the caller or the server does: each piece read, message decoded, and piece of an answer taken. */
  moves = 0;
  /** What `moves` was at the last look. */
  movesSeen = -1;

  get bytes(): number {
    return this.held + this.unread;
  }
}

/** Holds bytes of a request and its answer. */
export interface BudgetHolder {
  readonly account: Account;
  readonly exchange: {
    /** Bytes of the request that have arrived before anybody received them. */
    readonly unread: number;
    /** Whether it is the server's turn: all of the request is there, and no answer waits to be sent. */
    readonly isWaiting: boolean;
  };
  /** Ends it: there is no room for its bytes, or nothing moves. */
  evict(): void;
}

export type EvictionReason = "memory" | "stalled";

/**
 * Bounds the memory that requests coming in and answers going out take together. Beyond the bound, whoever holds the most is
 * evicted: small calls do not suffer from large or stalled ones.
 */
export class MemoryBudget {
  readonly #max: number;
  readonly #onEvicted: (reason: EvictionReason) => void;
  /** All that are open, and have not been evicted. */
  readonly #open = new Set<BudgetHolder>();
  /** Those that hold something. */
  readonly #holders = new Set<BudgetHolder>();
  #total = 0;

  /** @param onEvicted called for each that is evicted: there was no memory for it, or nothing moved */
  constructor(max: number, onEvicted: (reason: EvictionReason) => void = () => {}) {
    this.#max = max;
    this.#onEvicted = onEvicted;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts a holder's bytes from now on; `close` follows. */
  open(holder: BudgetHolder): void {
    holder.account.isOpen = true;
    this.#open.add(holder);
  }

  /** Nothing of the holder counts any more, also if work for a caller who has gone holds bytes later. */
  close(holder: BudgetHolder): void {
    this.#open.delete(holder);
    this.#change(holder, 0, 0);
    holder.account.isOpen = false;
  }

  /** @param bytes all that it holds now, except unread ones */
  set(holder: BudgetHolder, bytes: number): void {
    if (bytes !== holder.account.held) this.#change(holder, bytes, holder.account.unread);
  }

  /** @param more bytes that it holds than before; fewer, where negative */
  hold(holder: BudgetHolder, more: number): void {
    this.set(holder, Math.max(0, holder.account.held + more));
  }

  /** Notes that the caller has taken a part of the answer. */
  move(holder: BudgetHolder): void {
    holder.account.moves++;
  }

  /** Counts bytes that have arrived unread: HTTP takes in a whole window, even if nothing reads it. */
  countUnread(): void {
    for (const holder of this.#open) {
      const { unread } = holder.exchange;
      if (unread !== holder.account.unread) this.#change(holder, holder.account.held, unread);
    }
  }

  /** Evicts those that hold something, do not wait for the server, and have not moved since the last look. */
  evictStalled(): void {
    for (const holder of this.#holders) {
      const { account } = holder;
      if (account.moves === account.movesSeen && !holder.exchange.isWaiting) this.#evict(holder, "stalled");
      else account.movesSeen = account.moves;
    }
  }

  #change(holder: BudgetHolder, held: number, unread: number): void {
    const { account } = holder;
    if (!account.isOpen) return;
    this.#total += held + unread - account.bytes;
    account.held = held;
    account.unread = unread;
    account.moves++;
    if (account.bytes === 0) this.#holders.delete(holder);
    else this.#holders.add(holder);
    while (this.#total > this.#max && this.#holders.size > 1) this.#evictLargest();
  }

  #evictLargest(): void {
    let largest: BudgetHolder | undefined;
    for (const holder of this.#holders) {
      if (largest === undefined || holder.account.bytes > largest.account.bytes) largest = holder;
    }
    if (largest !== undefined) this.#evict(largest, "memory");
  }

  #evict(holder: BudgetHolder, reason: EvictionReason): void {
    this.#onEvicted(reason);
    this.#open.delete(holder);
    this.#change(holder, 0, 0);
    holder.evict();
  }
}
