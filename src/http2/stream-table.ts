import { limits } from "./limits.ts";
import { resetBurst } from "./reset-budget.ts";
import type { Stream } from "./stream.ts";

/** Streams that the server has reset, and whose ids are kept: as many as it may reset at once. */
const maxResetIds = resetBurst;

/** The streams of a connection, by their ids, which grow: RFC 9113, section 5.1.1. */
export class StreamTable {
  /** The highest id of a stream that the client has begun. */
  lastId = 0;
  /** Streams so far. */
  begun = 0;
  readonly #open = new Map<number, Stream>();
  /** By their ids, how many bytes of DATA the client may have sent before it knew. */
  readonly #reset = new Map<number, number>();

  get size(): number {
    return this.#open.size;
  }

  /** A copy, since streams close while they are walked over. */
  get all(): readonly Stream[] {
    return [...this.#open.values()];
  }

  get(id: number): Stream | undefined {
    return this.#open.get(id);
  }

  add(stream: Stream): void {
    this.#open.set(stream.id, stream);
  }

  delete(id: number): void {
    this.#open.delete(id);
  }

  /** Notes that the server has reset a stream: frames of it may be under way. */
  noteReset(id: number): void {
    this.#reset.set(id, limits.streamWindowBytes);
    if (this.#reset.size <= maxResetIds) return;
    const [oldest] = this.#reset.keys();
    if (oldest !== undefined) this.#reset.delete(oldest);
  }

  /** Counts DATA of a stream that the server has reset. @returns whether the client may have sent it before it knew */
  allowsLate(id: number, bytes: number): boolean {
    const left = (this.#reset.get(id) ?? 0) - Math.max(bytes, limits.smallDataBytes);
    if (left >= 0) this.#reset.set(id, left);
    return left >= 0;
  }

  /** Whether the server has reset the stream, and has reset few others since. */
  wasReset(id: number): boolean {
    return this.#reset.has(id);
  }
}
