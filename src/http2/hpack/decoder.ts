/** Decodes header blocks: RFC 7541, sections 3 and 6. */
import { BlockReader } from "./block-reader.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { HpackError } from "./hpack-error.ts";
import { added, indexed, sizeUpdate, unindexed } from "./representations.ts";
import { RequestField } from "./request-field.ts";
import { firstDynamicIndex, staticTable } from "./static-table.ts";

// V8 compiles a module's own constants into its code, but loads imported ones at each use: 10 ns for a block of 8 fields.
const { flag: indexedFlag, mask: indexedMask } = indexed;
const { flag: addedFlag, mask: addedMask } = added;
const { flag: sizeFlag, mask: sizeMask } = sizeUpdate;
const { mask: unindexedMask } = unindexed;

const staticFields = staticTable.map((field) => field && new RequestField(field.name, field.value));

/** The longest block that is remembered. Those of gRPC calls have 10 to 100 bytes. */
const maxRepeatBytes = 128;

/** Takes the fields of a block, in their order. */
export interface FieldSink {
  /** Its name and its value are latin1 strings: one character for each octet. The sink decides what to do about faults. */
  field(field: RequestField): void;
}

/** The decoder of a connection, which gets its blocks in the order in which they came. */
export class HpackDecoder {
  readonly #table: DynamicTable;
  /** The last block, where it may be repeated, and its length, or 0 where it may not. Idle connections have none. */
  #last: Uint8Array | undefined;
  #lastBytes = 0;

  /** @param maxTableBytes our SETTINGS_HEADER_TABLE_SIZE: the most memory that the peer's fields may use */
  constructor(maxTableBytes: number) {
    this.#table = new DynamicTable(maxTableBytes);
  }

  /**
   * Decodes one whole header block. The time it takes is linear in the size of the block, and an octet of a block can stand for a
   * field of 4 KiB: a sink has to count the sizes of its fields, and to throw where they are too much.
   *
   * @throws HpackError: the connection cannot continue
   */
  decode(bytes: Buffer, from: number, to: number, sink: FieldSink): void {
    const block = new BlockReader(bytes, from, to);
    let isBeginning = true;
    let changesTable = false;
    this.#lastBytes = 0;
    // The flags descend, so that a comparison finds the representation.
    for (let first = block.next(); first >= 0; first = block.next()) {
      if (first >= indexedFlag) {
        sink.field(this.#fieldAt(block.integer(first, indexedMask)));
      } else if (first >= addedFlag) {
        const field = this.#literal(block, first, addedMask);
        this.#table.add(field);
        changesTable = true;
        sink.field(field);
      } else if (first >= sizeFlag) {
        if (!isBeginning) throw new HpackError("the table changes its size after the beginning of a block");
        this.#table.resize(block.integer(first, sizeMask));
        changesTable = true;
        continue;
      } else {
        sink.field(this.#literal(block, first, unindexedMask));
      }
      isBeginning = false;
    }
    if (!changesTable && to - from <= maxRepeatBytes) this.#remember(bytes, from, to);
  }

  /**
   * Whether a block stands for the fields of the last one, and leaves the table as it is, so that it need not be decoded: it has
   * the same bytes, and the last one has not changed what they mean.
   */
  isRepeat(bytes: Buffer, from: number, to: number): boolean {
    const last = this.#last;
    if (last === undefined || from === to || to - from !== this.#lastBytes) return false;
    for (let at = from; at < to; at++) if (bytes[at] !== last[at - from]) return false;
    return true;
  }

  #remember(bytes: Buffer, from: number, to: number): void {
    this.#last ??= new Uint8Array(maxRepeatBytes);
    for (let at = from; at < to; at++) this.#last[at - from] = bytes[at] ?? 0;
    this.#lastBytes = to - from;
  }

  /** A literal, whose name is that of an indexed field, or its own. */
  #literal(block: BlockReader, first: number, mask: number): RequestField {
    const index = block.integer(first, mask);
    if (index === 0) return new RequestField(block.text(), block.text());
    const { name, values } = this.#fieldAt(index);
    return new RequestField(name, block.text(), values);
  }

  #fieldAt(index: number): RequestField {
    const field = index < firstDynamicIndex ? staticFields[index] : this.#table.at(index - firstDynamicIndex);
    return field ?? missing(index);
  }
}

function missing(index: number): never {
  throw new HpackError(`no field has the index ${index}`);
}
