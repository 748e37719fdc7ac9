import { whenAborted } from "../../users/when-aborted.ts";

/** Callers that wait for something scarce, first come, first served. A caller leaves when its turn comes or its signal aborts. */
export class WaitQueue {
  readonly #tryAcquire: (units: number) => boolean;
  readonly #waiters = new Set<Waiter>();

  /** @param tryAcquire takes units if that many are free now, and returns whether it did */
  constructor(tryAcquire: (units: number) => boolean) {
    this.#tryAcquire = tryAcquire;
  }

  /** How many wait. */
  get length(): number {
    return this.#waiters.size;
  }

  /**
   * @param signal ends the wait, with its reason
   * @returns undefined if the units were acquired at once; else resolves when they are, in the order of these calls
   */
  acquire(units: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#waiters.size === 0 && this.#tryAcquire(units)) return undefined;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const waiter: Waiter = {
        units,
        onAcquired() {
          unlink?.();
          resolve();
        },
      };
      const leave = (reason: unknown) => {
        this.#waiters.delete(waiter);
        reject(reason);
        this.retry();
      };
      const unlink = signal && whenAborted(signal, leave);
      this.#waiters.add(waiter);
    });
  }

  /** Lets waiters acquire, in order, until one finds too few units free. To be called whenever units come free. */
  retry(): void {
    for (const waiter of this.#waiters) {
      if (!this.#tryAcquire(waiter.units)) return;
      this.#waiters.delete(waiter);
      waiter.onAcquired();
    }
  }
}

interface Waiter {
  readonly units: number;
  onAcquired(): void;
}
