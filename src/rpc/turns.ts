import type { UserHandlers } from "./user-handlers.ts";

/** Users of BatchIdentify that are worked on between two looks at what else has arrived: a few milliseconds' worth. */
const usersPerTurn = 1_000;

interface Waiting {
  readonly cost: number;
  readonly begin: () => void;
}

/** Shares out each turn of the event loop, so that much work which is there at once leaves time for everything else. */
export class Turns {
  readonly #perTurn: number;
  readonly #atNextTurn: (callback: () => void) => void;
  readonly #waiting: Waiting[] = [];
  #left: number;
  #isAsked = false;

  /** @param perTurn costs beyond which no more work begins in a turn */
  constructor(perTurn: number, atNextTurn: (callback: () => void) => void = setImmediate) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
    this.#atNextTurn = atNextTurn;
  }

  /** @returns undefined where the work may begin at once; else resolves when it may, in the order of asking */
  take(cost: number): Promise<void> | undefined {
    this.#askForTurn();
    if (this.#left > 0) {
      this.#left -= cost;
      return undefined;
    }
    return new Promise((begin) => this.#waiting.push({ cost, begin }));
  }

  #askForTurn(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#atNextTurn(() => this.#beginTurn());
  }

  #beginTurn(): void {
    this.#isAsked = false;
    this.#left = this.#perTurn;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#left -= next.cost;
      next.begin();
      if (this.#left <= 0) break;
    }
    if (this.#waiting.length > 0 || this.#left < this.#perTurn) this.#askForTurn();
  }
}

/** The same, but the messages of all streams of BatchIdentify take turns. */
export function inTurns(handlers: UserHandlers): UserHandlers {
  const turns = new Turns(usersPerTurn);
  return {
    ...handlers,
    batchIdentify: (requests, context) => handlers.batchIdentify(taking(requests), context),
  };

  async function* taking<Message extends { readonly requests: readonly unknown[] }>(messages: AsyncIterable<Message>) {
    for await (const message of messages) {
      await turns.take(Math.max(1, message.requests.length));
      yield message;
    }
  }
}
