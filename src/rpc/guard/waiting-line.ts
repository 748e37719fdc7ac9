import { whenAborted } from "../../users/when-aborted.ts";

/** Callers that wait for something scarce, first come, first served. A caller leaves when it is let in or its signal aborts. */
export class WaitingLine {
  readonly #take: (units: number) => boolean;
  readonly #waiters = new Set<Waiter>();

  /** @param take takes so many units if they are free now, and answers whether it did */
  constructor(take: (units: number) => boolean) {
    this.#take = take;
  }

  /** How many wait. */
  get length(): number {
    return this.#waiters.size;
  }

  /**
   * @param signal ends the wait, with its reason
   * @returns undefined if the units were taken at once; else resolves when they are, in the order of these calls
   */
  enter(units: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#waiters.size === 0 && this.#take(units)) return undefined;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const waiter: Waiter = {
        units,
        enter() {
          unlink?.();
          resolve();
        },
      };
      const leave = (reason: unknown) => {
        this.#waiters.delete(waiter);
        reject(reason);
        this.letIn();
      };
      const unlink = signal && whenAborted(signal, leave);
      this.#waiters.add(waiter);
    });
  }

  /** Lets callers in, in order, until one finds too few units free. To be called whenever units come free. */
  letIn(): void {
    for (const waiter of this.#waiters) {
      if (!this.#take(waiter.units)) return;
      this.#waiters.delete(waiter);
      waiter.enter();
    }
  }
}

interface Waiter {
  readonly units: number;
  enter(): void;
}
