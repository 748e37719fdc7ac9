import { create } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import {
  type BatchIdentifyRequest,
  BatchIdentifyRequestSchema,
  type BatchReport,
  type IdentifyError,
} from "#gen/rollcall/v1/user_service_pb.js";
import { BackwardWriter } from "./backward-writer.ts";
import { refusalOf, type UserToImport, writeIdentify } from "./write-identify.ts";

/** Items of an import that travel in one message. */
export interface Chunk<Item> {
  readonly message: BatchIdentifyRequest;
  /** All items, in order, also those that are not sent. */
  readonly items: readonly Item[];
  /** The items that cannot be sent, by their places among the items, in order. */
  readonly refused: ReadonlyMap<number, IdentifyError>;
}

export interface ChunkOptions {
  /** The most items of a chunk. */
  readonly maxItems: number;
  /** The most bytes of a chunk; an item that is larger than that travels by itself. */
  readonly maxBytes: number;
  readonly report: BatchReport;
  readonly validateOnly: boolean;
}

const requests = BatchIdentifyRequestSchema.field.requests.number;
const leastBytes = 16 * 1024;

/**
 * Gathers items into chunks. Items are encoded as they come, so that no more than their bytes is decided on, and kept;
 * their fields are not touched after.
 */
export class ChunkBuilder<Item extends UserToImport> {
  readonly #options: ChunkOptions;
  readonly #writer = new BackwardWriter();
  #items: Item[] = [];
  #refused = new Map<number, IdentifyError>();
  #bytes = Buffer.alloc(0);
  #used = 0;
  /** What a chunk is likely to need: as much as the one before. */
  #likelyBytes = leastBytes;

  constructor(options: ChunkOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** Takes one more item. Answers the chunk that is then full, which holds the item or ends before it. */
  add(item: Item): Chunk<Item> | undefined {
    const { maxItems, maxBytes, validateOnly } = this.#options;
    const writer = this.#writer;
    writer.clear();
    let full: Chunk<Item> | undefined;
    if (writeIdentify(writer, item, validateOnly)) {
      writer.varint(writer.length);
      if (!this.isEmpty && this.#used + 1 + writer.length > maxBytes) full = this.take();
      this.#append(writer.written());
    } else this.#refused.set(this.#items.length, refusalOf(item));
    this.#items.push(item);
    return full === undefined && this.#items.length >= maxItems ? this.take() : full;
  }

  /** What there is, as a chunk. */
  take(): Chunk<Item> {
    // The contract's field, as it is on the wire: each item with its length, and with its tag but for the first.
    const data = this.#bytes.subarray(1, this.#used);
    const message = create(BatchIdentifyRequestSchema, { report: this.#options.report });
    if (this.#used > 0) message.$unknown = [{ no: requests, wireType: WireType.LengthDelimited, data }];
    const chunk = { message, items: this.#items, refused: this.#refused };
    this.#likelyBytes = Math.max(leastBytes, Math.ceil(1.1 * this.#used));
    this.#items = [];
    this.#refused = new Map();
    this.#bytes = Buffer.alloc(0);
    this.#used = 0;
    return chunk;
  }

  #append(item: Uint8Array): void {
    const end = this.#used + 1 + item.length;
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#likelyBytes, end, 2 * this.#bytes.length));
      this.#bytes.copy(grown, 0, 0, this.#used);
      this.#bytes = grown;
    }
    this.#bytes[this.#used] = (requests << 3) | WireType.LengthDelimited;
    this.#bytes.set(item, this.#used + 1);
    this.#used = end;
  }
}
