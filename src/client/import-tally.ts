import type { BatchIdentifyResponse, BatchIdentifyResult, IdentifyError } from "#gen/rollcall/v1/user_service_pb.js";
import { type Chunk, sentItem } from "./chunks.ts";
import type { UserToImport } from "./write-identify.ts";

/** The results of an import so far. */
export interface ImportCounts {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Created, updated or unchanged; a caller without the scope `users.read` learns no more. */
  readonly applied: number;
  readonly failed: number;
  /** The sum of the others: how many items from the beginning of the source are done. */
  readonly answered: number;
}

/** What the server says of the items of a message. */
export type ChunkAnswer = Pick<
  BatchIdentifyResponse,
  "created" | "updated" | "unchanged" | "applied" | "failed" | "results"
>;

/** Callbacks get what `keep` kept of an item; without `keep`, the item. */
export interface ImportCallbacks<Kept> {
  /**
   * Called for each user that is refused for good, by the server or because it cannot be sent.
   *
   * @param user returns the user, decoded from the message, for when `keep` kept little
   */
  readonly onRefused: (item: Kept, error: IdentifyError, user: () => UserToImport) => void;
  /**
   * Called for each other user, with its outcome and, for a caller with the scope `users.read`, its etag. With this
   * callback, the server's answers list every user.
   */
  readonly onResult?: ((item: Kept, result: BatchIdentifyResult) => void) | undefined;
  /** Called after each answer and the callbacks of its items, with the counts so far. */
  readonly onProgress?: ((counts: ImportCounts) => void) | undefined;
}

/** Counts the results of an import, and calls the callbacks item by item, in order. */
export class ImportTally<Kept> {
  readonly #callbacks: ImportCallbacks<Kept>;
  #counts: ImportCounts = { created: 0, updated: 0, unchanged: 0, applied: 0, failed: 0, answered: 0 };

  constructor(callbacks: ImportCallbacks<Kept>) {
    this.#callbacks = callbacks;
  }

  get counts(): ImportCounts {
    return this.#counts;
  }

  /** Adds the answer to a chunk. */
  add(chunk: Chunk<Kept>, answer: ChunkAnswer): void {
    const { items, unsendable } = chunk;
    const { created, updated, unchanged, applied, failed, answered } = this.#counts;
    this.#counts = {
      created: created + answer.created,
      updated: updated + answer.updated,
      unchanged: unchanged + answer.unchanged,
      applied: applied + answer.applied,
      failed: failed + answer.failed + unsendable.size,
      answered: answered + items.length,
    };
    if (unsendable.size > 0) this.#reportWithUnsent(chunk, answer.results);
    else for (const result of answer.results) this.#report(chunk, items[result.index], result);
    this.#callbacks.onProgress?.(this.#counts);
  }

  #report(chunk: Chunk<Kept>, item: Kept | undefined, result: BatchIdentifyResult): void {
    const { onRefused, onResult } = this.#callbacks;
    if (item === undefined) return;
    if (result.error !== undefined) onRefused(item, result.error, () => sentItem(chunk, result.index));
    else onResult?.(item, result);
  }

  /** Indexes in the results count only the items that were sent. */
  #reportWithUnsent(chunk: Chunk<Kept>, results: readonly BatchIdentifyResult[]): void {
    const resultOf = new Map(results.map((result) => [result.index, result]));
    let sent = 0;
    for (const [index, item] of chunk.items.entries()) {
      const unsent = chunk.unsendable.get(index);
      if (unsent !== undefined) {
        this.#callbacks.onRefused(item, unsent.error, () => unsent.user);
        continue;
      }
      const result = resultOf.get(sent++);
      if (result !== undefined) this.#report(chunk, item, result);
    }
  }
}
