import { create, fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  type BatchIdentifyRequest,
  BatchIdentifyRequestSchema,
  type BatchReport,
  type IdentifyError,
  IdentifyRequestSchema,
} from "#gen/rollcall/v1/user_service_pb.js";
import { limits } from "../users/limits.ts";
import { BackwardWriter } from "../users/struct/backward-writer.ts";
import { refusalOf, type UserToImport, writeIdentify } from "./write-identify.ts";

/** The items of an import in one message. */
export interface Chunk<Kept> {
  readonly message: BatchIdentifyRequest;
  /** What `keep` kept of each item, in order, including unsendable ones. */
  readonly items: readonly Kept[];
  /** The items that cannot be sent, by their index in `items`, in order. */
  readonly unsendable: ReadonlyMap<number, Unsendable>;
  /** How many names the items have in `unset`. */
  readonly unsetNames: number;
}

interface Unsendable {
  readonly user: UserToImport;
  readonly error: IdentifyError;
}

export interface MessageLimits {
  readonly maxItems: number;
  /** A larger item gets a message of its own. */
  readonly maxBytes: number;
}

export interface ChunkOptions<Item, Kept> extends MessageLimits {
  /** Chooses what to keep of an item until it is answered. */
  readonly keep: (item: Item) => Kept;
  readonly report: BatchReport;
  readonly validateOnly: boolean;
}

const requests = BatchIdentifyRequestSchema.field.requests.number;
const tag = (requests << 3) | WireType.LengthDelimited;
const leastBytes = 16 * 1024;

/**
 * Gathers items into chunks. It encodes each item at once and does not touch it afterwards.
 */
export class ChunkBuilder<Item extends UserToImport, Kept> {
  readonly #options: ChunkOptions<Item, Kept>;
  readonly #writer = new BackwardWriter();
  #items: Kept[] = [];
  #unsendable = new Map<number, Unsendable>();
  #unsetNames = 0;
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
      this.#unsetNames += item.unset?.length ?? 0;
    } else this.#unsendable.set(this.#items.length, { user: item, error: refusalOf(item) });
    this.#items.push(keep(item));
    return full === undefined && this.#items.length >= maxItems ? this.take() : full;
  }

  /** Returns the items so far as a chunk. */
  take(): Chunk<Kept> {
    // The field `requests` on the wire: length and bytes of each item, and the tag of each but the first.
    const message = messageOf(this.#options.report, this.#bytes.subarray(1, this.#used));
    const chunk = { message, items: this.#items, unsendable: this.#unsendable, unsetNames: this.#unsetNames };
    this.#likelyBytes = Math.max(leastBytes, Math.ceil(1.1 * this.#used));
    this.#items = [];
    this.#unsendable = new Map();
    this.#unsetNames = 0;
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
    this.#bytes[this.#used] = tag;
    this.#bytes.set(item, this.#used + 1);
    this.#used = end;
  }
}

/** @param items the field `requests`, from the first length on */
function messageOf(report: BatchReport, items: Uint8Array): BatchIdentifyRequest {
  const message = create(BatchIdentifyRequestSchema, { report });
  if (items.length > 0) message.$unknown = [{ no: requests, wireType: WireType.LengthDelimited, data: items }];
  return message;
}

function itemsOf({ message }: Chunk<unknown>): Uint8Array {
  return message.$unknown?.[0]?.data ?? new Uint8Array();
}

/**
 * Joins the first of several chunks with as many of the next ones as fit into a message with it.
 *
 * @returns the chunk that they make, and how many they were
 */
export function joinChunks<Kept>(
  chunks: readonly Chunk<Kept>[],
  { maxItems, maxBytes }: MessageLimits,
): { readonly chunk: Chunk<Kept> | undefined; readonly joined: number } {
  const [first] = chunks;
  const parts: Uint8Array[] = [];
  const items: Kept[] = [];
  const unsendable = new Map<number, Unsendable>();
  let [bytes, unsetNames, joined] = [0, 0, 0];
  for (const chunk of chunks) {
    const sent = itemsOf(chunk);
    bytes += sent.length + 1;
    unsetNames += chunk.unsetNames;
    const isFull =
      items.length + chunk.items.length > maxItems || bytes > maxBytes || unsetNames > limits.maxBatchNames;
    if (joined > 0 && isFull) break;
    for (const [index, each] of chunk.unsendable) unsendable.set(items.length + index, each);
    for (const item of chunk.items) items.push(item);
    if (sent.length > 0) parts.push(...(parts.length > 0 ? [Uint8Array.of(tag)] : []), sent);
    joined++;
  }
  if (first === undefined || joined === 1) return { chunk: first, joined };
  const message = messageOf(first.message.report, Buffer.concat(parts));
  return { chunk: { message, items, unsendable, unsetNames }, joined };
}

/** @param index of an item among those that were sent; decodes it from the message */
export function sentItem(chunk: Chunk<unknown>, index: number): UserToImport {
  const reader = new BinaryReader(itemsOf(chunk));
  for (let before = 0; before < index; before++) {
    reader.skip(WireType.LengthDelimited);
    reader.tag();
  }
  return fromBinary(IdentifyRequestSchema, reader.bytes());
}
