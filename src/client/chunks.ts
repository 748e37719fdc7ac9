import { create, fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  type BatchIdentifyRequest,
  BatchIdentifyRequestSchema,
  type BatchReport,
  type IdentifyError,
  IdentifyRequestSchema,
} from "#gen/rollcall/v1/user_service_pb.js";
import { BackwardWriter } from "../users/struct/backward-writer.ts";
import { refusalOf, type UserToImport, writeIdentify } from "./write-identify.ts";

/** The items of an import in one message. */
export interface Chunk<Kept> {
  readonly message: BatchIdentifyRequest;
  /** What `keep` kept of each item, in order, including unsendable ones. */
  readonly items: readonly Kept[];
  /** The items that cannot be sent, by their index in `items`, in order. */
  readonly unsendable: ReadonlyMap<number, Unsendable>;
}

interface Unsendable {
  readonly user: UserToImport;
  readonly error: IdentifyError;
}

export interface ChunkOptions<Item, Kept> {
  /** Chooses what to keep of an item until it is answered. */
  readonly keep: (item: Item) => Kept;
  /** The most items in a chunk. */
  readonly maxItems: number;
  /** The most bytes in a chunk; a larger item gets a chunk of its own. */
  readonly maxBytes: number;
  readonly report: BatchReport;
  readonly validateOnly: boolean;
}

const requests = BatchIdentifyRequestSchema.field.requests.number;
const leastBytes = 16 * 1024;

/**
 * Gathers items into chunks. It encodes each item at once and does not touch it afterwards.
 */
export class ChunkBuilder<Item extends UserToImport, Kept> {
  readonly #options: ChunkOptions<Item, Kept>;
  readonly #writer = new BackwardWriter();
  #items: Kept[] = [];
  #unsendable = new Map<number, Unsendable>();
  #bytes = Buffer.alloc(0);
  #used = 0;
  /** The expected size of the next chunk, from the previous one. */
  #likelyBytes = leastBytes;

  constructor(options: ChunkOptions<Item, Kept>) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** Adds an item. Returns the chunk that this fills, which ends with the item or before it. */
  add(item: Item): Chunk<Kept> | undefined {
    const { keep, maxItems, maxBytes, validateOnly } = this.#options;
    const writer = this.#writer;
    writer.clear();
    let full: Chunk<Kept> | undefined;
    if (writeIdentify(writer, item, validateOnly)) {
      writer.varint(writer.length);
      if (!this.isEmpty && this.#used + 1 + writer.length > maxBytes) full = this.take();
      this.#append(writer.written());
    } else this.#unsendable.set(this.#items.length, { user: item, error: refusalOf(item) });
    this.#items.push(keep(item));
    return full === undefined && this.#items.length >= maxItems ? this.take() : full;
  }

  /** Returns the items so far as a chunk. */
  take(): Chunk<Kept> {
    // The field `requests` on the wire: length and bytes of each item, and the tag of each but the first.
    const data = this.#bytes.subarray(1, this.#used);
    const message = create(BatchIdentifyRequestSchema, { report: this.#options.report });
    if (this.#used > 0) message.$unknown = [{ no: requests, wireType: WireType.LengthDelimited, data }];
    const chunk = { message, items: this.#items, unsendable: this.#unsendable };
    this.#likelyBytes = Math.max(leastBytes, Math.ceil(1.1 * this.#used));
    this.#items = [];
    this.#unsendable = new Map();
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

/** @param index of an item among those that were sent; decodes it from the message */
export function sentItem({ message }: Chunk<unknown>, index: number): UserToImport {
  const reader = new BinaryReader(message.$unknown?.[0]?.data ?? new Uint8Array());
  for (let before = 0; before < index; before++) {
    reader.skip(WireType.LengthDelimited);
    reader.tag();
  }
  return fromBinary(IdentifyRequestSchema, reader.bytes());
}
