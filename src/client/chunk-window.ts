import { type Chunk, ChunkBuilder, type ChunkOptions, joinChunks, type MessageLimits } from "./chunks.ts";
import type { UserToImport } from "./write-identify.ts";

/** The items of an import, one by one; an asynchronous source may yield lists of them. */
export type UserSource<Item> = Iterable<Item> | AsyncIterable<Item> | AsyncIterable<Iterable<Item>>;

/**
 * The unanswered chunks of an import, in order. Reads its source ahead while there is room. It knows nothing of
 * connections: each one sends all chunks from the first.
 */
export class ChunkWindow<Item extends UserToImport, Kept> {
  /** What the source threw. */
  failure: { readonly error: unknown } | undefined;
  readonly #unanswered: Chunk<Kept>[] = [];
  readonly #maxChunks: number;
  /** The number of answered chunks. */
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
        // Items before a failure are imported too.
        if (!builder.isEmpty) this.#unanswered.push(builder.take());
        this.#isRead = true;
        this.#change();
      });
  }

  /** Whether everything has been read and answered. */
  get isDone(): boolean {
    return this.#isRead && this.#unanswered.length === 0;
  }

  /** What `keep` kept of the first unanswered item; undefined if no chunk is left. */
  get firstUnanswered(): Kept | undefined {
    return this.#unanswered[0]?.items[0];
  }

  /** Removes the first chunk, which has its answer. */
  shift(): Chunk<Kept> | undefined {
    const chunk = this.#unanswered.shift();
    if (chunk !== undefined) this.#answered++;
    this.#change();
    return chunk;
  }

  /**
   * The messages of all unanswered chunks, and of later ones as they are read, until the source ends or the signal aborts.
   *
   * @param join joins chunks up to these limits, so that a call sends what was read since the call before
   */
  async *messages(signal: AbortSignal, join?: MessageLimits): AsyncGenerator<Chunk<Kept>["message"]> {
    signal.addEventListener("abort", () => this.#change(), { once: true });
    for (let next = this.#answered; !this.#isClosed && !signal.aborted; ) {
      const at = next - this.#answered;
      if (join !== undefined) this.#joinFrom(at, join);
      const chunk = this.#unanswered[at];
      if (chunk !== undefined) {
        next++;
        yield chunk.message;
      } else if (this.#isRead) return;
      else await this.#changed.promise;
    }
  }

  #joinFrom(at: number, most: MessageLimits): void {
    const { chunk, joined } = joinChunks(this.#unanswered.slice(at), most);
    if (chunk === undefined || joined === 1) return;
    this.#unanswered.splice(at, joined, chunk);
    // There is room for more.
    this.#change();
  }

  /** Stops reading, and returns the source at its next item. */
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

  /** Awaits nothing between items of a list: that costs as much as encoding a small item. */
  async #readAll(items: Iterable<Item>, builder: ChunkBuilder<Item, Kept>): Promise<void> {
    for (const item of items) {
      const full = builder.add(item);
      if (full !== undefined) await this.#push(full);
      if (this.#isClosed) return;
    }
  }

  /** Resolves once there is room for another chunk. */
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
