import { type Chunk, ChunkBuilder, type ChunkOptions } from "./chunks.ts";
import type { UserToImport } from "./write-identify.ts";

/** Where the items of an import come from: one after the other, or, where they have to be waited for, also in lists. */
export type UserSource<Item> = Iterable<Item> | AsyncIterable<Item> | AsyncIterable<Iterable<Item>>;

/**
 * The chunks of an import that are read and not yet answered, in order. It reads its source ahead while it has room, and
 * knows nothing of connections: each of them sends what is there from its beginning.
 */
export class ChunkWindow<Item extends UserToImport, Kept> {
  /** What the source threw, once it has. */
  failure: { readonly error: unknown } | undefined;
  readonly #unanswered: Chunk<Kept>[] = [];
  readonly #maxChunks: number;
  /** Chunks that have been answered. */
  #answered = 0;
  #isRead = false;
  #isClosed = false;
  #changed = Promise.withResolvers<void>();

  constructor(source: UserSource<Item>, maxChunks: number, options: ChunkOptions<Item, Kept>) {
    this.#maxChunks = maxChunks;
    const builder = new ChunkBuilder(options);
    this.#read(source, builder)
      .catch((error: unknown) => {
        this.failure = { error };
      })
      .then(() => {
        // What comes before a failure is imported too.
        if (!builder.isEmpty) this.#unanswered.push(builder.take());
        this.#isRead = true;
        this.#change();
      });
  }

  /** Whether everything is read and answered. */
  get isDone(): boolean {
    return this.#isRead && this.#unanswered.length === 0;
  }

  /** What is kept of the first item without an answer, if one has been read into a chunk. */
  get firstUnanswered(): Kept | undefined {
    return this.#unanswered[0]?.items[0];
  }

  /** The chunk that is answered next leaves. */
  shift(): Chunk<Kept> | undefined {
    const chunk = this.#unanswered.shift();
    if (chunk !== undefined) this.#answered++;
    this.#change();
    return chunk;
  }

  /** The messages of all chunks from the first unanswered one on, as they come; they end where the source does. */
  async *messages(): AsyncGenerator<Chunk<Kept>["message"]> {
    for (let next = this.#answered; !this.#isClosed; ) {
      const chunk = this.#unanswered[next - this.#answered];
      if (chunk !== undefined) {
        next++;
        yield chunk.message;
      } else if (this.#isRead) return;
      else await this.#changed.promise;
    }
  }

  /** Ends the reading, with the next item that the source has for it at the latest, and lets the source know. */
  close(): void {
    this.#isClosed = true;
    this.#change();
  }

  async #read(source: UserSource<Item>, builder: ChunkBuilder<Item, Kept>): Promise<void> {
    if (!(Symbol.asyncIterator in source)) {
      await this.#readAll(source, builder);
      return;
    }
    for await (const some of source) {
      await this.#readAll(Symbol.iterator in some ? some : [some], builder);
      if (this.#isClosed) return;
    }
  }

  /** Items that are there at once are not waited for: that costs as much as to encode a small one. */
  async #readAll(items: Iterable<Item>, builder: ChunkBuilder<Item, Kept>): Promise<void> {
    for (const item of items) {
      const full = builder.add(item);
      if (full !== undefined) await this.#push(full);
      if (this.#isClosed) return;
    }
  }

  /** Resolves once there is room for another. */
  async #push(chunk: Chunk<Kept>): Promise<void> {
    this.#unanswered.push(chunk);
    this.#change();
    while (!this.#isClosed && this.#unanswered.length >= this.#maxChunks) await this.#changed.promise;
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
