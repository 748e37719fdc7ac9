import type { BatchIdentifyResponse, BatchIdentifyResult, IdentifyError } from "#gen/rollcall/v1/user_service_pb.js";
import type { Chunk } from "./chunks.ts";

/** What has become of the items of an import. */
export interface ImportCounts {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly failed: number;
  /** The sum of the others: so many items of the source, from its first on, are done with. */
  readonly answered: number;
}

export interface ImportCallbacks<Item> {
  /** Called for each user that is refused for good, by the server or because it cannot be sent. */
  readonly onRefused: (item: Item, error: IdentifyError) => void;
  /** Called for each other user, with its outcome and etag. Where it is given, the server's answers list every user. */
  readonly onResult?: ((item: Item, result: BatchIdentifyResult) => void) | undefined;
  /** Called after each answer, once its items have been reported, with the counts so far. */
  readonly onProgress?: ((counts: ImportCounts) => void) | undefined;
}

/** Counts what becomes of an import's items, and tells it, item by item in order. */
export class ImportTally<Item> {
  readonly #callbacks: ImportCallbacks<Item>;
  #counts: ImportCounts = { created: 0, updated: 0, unchanged: 0, failed: 0, answered: 0 };

  constructor(callbacks: ImportCallbacks<Item>) {
    this.#callbacks = callbacks;
  }

  get counts(): ImportCounts {
    return this.#counts;
  }

  /** Takes the answer to a chunk. */
  add({ items, refused }: Chunk<Item>, answer: BatchIdentifyResponse): void {
    const { created, updated, unchanged, failed, answered } = this.#counts;
    this.#counts = {
      created: created + answer.created,
      updated: updated + answer.updated,
      unchanged: unchanged + answer.unchanged,
      failed: failed + answer.failed + refused.size,
      answered: answered + items.length,
    };
    if (refused.size > 0) this.#reportWithUnsent(items, refused, answer.results);
    else for (const result of answer.results) this.#report(items[result.index], result);
    this.#callbacks.onProgress?.(this.#counts);
  }

  #report(item: Item | undefined, result: BatchIdentifyResult): void {
    if (item === undefined) return;
    if (result.error !== undefined) this.#callbacks.onRefused(item, result.error);
    else this.#callbacks.onResult?.(item, result);
  }

  /** The server counts only the items that were sent. */
  #reportWithUnsent(
    items: readonly Item[],
    refused: ReadonlyMap<number, IdentifyError>,
    results: readonly BatchIdentifyResult[],
  ): void {
    const resultOf = new Map(results.map((result) => [result.index, result]));
    let sent = 0;
    for (const [index, item] of items.entries()) {
      const error = refused.get(index);
      if (error !== undefined) {
        this.#callbacks.onRefused(item, error);
        continue;
      }
      const result = resultOf.get(sent++);
      if (result !== undefined) this.#report(item, result);
    }
  }
}
