import { WaitQueue } from "./wait-queue.ts";

/** The work of one turn, in bytes to decode. After it, the event loop takes in what else has arrived. */
const workPerTurn = 1024 * 1024;

/** Shares out each turn of the event loop, so that a burst of work leaves time for everything else. */
export class Turns {
  readonly #perTurn: number;
  readonly #atNextTurn: (callback: () => void) => void;
  readonly #waiting = new WaitQueue((cost) => this.#spend(cost));
  #left: number;
  #isAsked = false;

  /** @param perTurn costs beyond which no more work begins in a turn */
  constructor(perTurn = workPerTurn, atNextTurn: (callback: () => void) => void = setImmediate) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
    this.#atNextTurn = atNextTurn;
  }

  /**
   * @param signal ends the wait, with its reason
   * @returns undefined where the work may begin at once; else resolves when it may, in the order of asking
   */
  take(cost: number, signal?: AbortSignal): Promise<void> | undefined {
    this.#askForTurn();
    return this.#waiting.acquire(cost, signal);
  }

  #spend(cost: number): boolean {
    if (this.#left <= 0) return false;
    this.#left -= cost;
    return true;
  }

  #askForTurn(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#atNextTurn(() => this.#beginTurn());
  }

  #beginTurn(): void {
    this.#isAsked = false;
    this.#left = this.#perTurn;
    this.#waiting.retry();
    if (this.#waiting.length > 0 || this.#left < this.#perTurn) this.#askForTurn();
  }
}

/** Messages of fewer bytes are decoded at once. */
const minShared = 32 * 1024;

/**
 * @param call whose signal ends the wait, with its reason
 * @returns undefined where the message may be decoded at once; else resolves when it may
 */
export function turnToDecode(turns: Turns, bytes: number, call: { signal: AbortSignal }): Promise<void> | undefined {
  return bytes < minShared ? undefined : turns.take(bytes, call.signal);
}

/** Passes on each message when its turn comes. */
export async function* inTurns<Message>(
  messages: AsyncIterable<Message>,
  turns: Turns,
  costOf: (message: Message) => number,
): AsyncGenerator<Message> {
  for await (const message of messages) {
    await turns.take(costOf(message));
    yield message;
  }
}
