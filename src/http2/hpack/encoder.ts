/** Encodes the header blocks of answers: RFC 7541, section 6. */
import type { OutgoingHttpHeaders } from "node:http";
import { copyOf } from "../compact.ts";
import { BlockWriter, maxIntegerOctets } from "./block-writer.ts";
import { fieldBytes, initialTableBytes } from "./dynamic-table.ts";
import { checkField } from "./field-check.ts";
import { added, indexed, type Representation, sizeUpdate, unindexed } from "./representations.ts";
import { type Field, firstDynamicIndex, staticTable } from "./static-table.ts";

const statusName = ":status";

/** Fields whose values are the same in most answers, so that the peer's table should have them. None is personal. */
const repeatedFields: ReadonlySet<string> = new Set([
  "accept-post",
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
  "access-control-expose-headers",
  "access-control-max-age",
  "allow",
  "cache-control",
  "connect-accept-encoding",
  "connect-content-encoding",
  "content-encoding",
  "content-type",
  "grpc-accept-encoding",
  "grpc-encoding",
  "grpc-status",
  "vary",
]);
/** Longer values would leave no room for others. */
const maxRepeatedValue = 256;

/** The index of each static name, and of the statuses that the static table has. */
const staticNames = new Map<string, number>();
const staticStatuses = new Map<number, number>();
for (const [index, field] of staticTable.entries()) {
  if (field === undefined) continue;
  if (!staticNames.has(field.name)) staticNames.set(field.name, index);
  if (field.name === statusName) staticStatuses.set(Number(field.value), index);
}

/** An answer's status and fields, or the fields of its trailers. */
interface Head {
  readonly status: number | undefined;
  readonly fields: OutgoingHttpHeaders;
  /** Known from the second time in turn, when the peer's table has the fields that repeat. */
  readonly block: Buffer | undefined;
}

/**
 * The encoder of a connection. Its blocks must be sent in the order in which it made them.
 *
 * The peer's table gets the fields that repeat until it is full; nothing is evicted, so that every index is easy to tell. An
 * answer that has the very objects of the answer before costs no more than a comparison.
 */
export class HpackEncoder {
  readonly #maxTableBytes: number;
  /** What the peer's table has, from the oldest. */
  #table: Field[] = [];
  #usedBytes = 0;
  /** The size of the peer's table, once it has read the next block. */
  #tableBytes = initialTableBytes;
  /** Whether the next block has to begin with a new size. */
  #isResized = false;
  #lastHeaders: Head | undefined;
  #lastTrailers: Head | undefined;

  /** @param maxTableBytes the most of the peer's table that it uses */
  constructor(maxTableBytes: number) {
    this.#maxTableBytes = maxTableBytes;
    this.setPeerTableBytes(initialTableBytes);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE: the next block begins with the size updates of section 4.2, if it needs them. */
  setPeerTableBytes(bytes: number): void {
    const size = Math.min(bytes, this.#maxTableBytes);
    if (size === this.#tableBytes) return;
    this.#tableBytes = size;
    this.#isResized = true;
    this.#table = [];
    this.#usedBytes = 0;
    this.#forgetBlocks();
  }

  /**
   * Encodes one header block.
   *
   * @param status comes first, unless it is undefined
   * @param fields names in lower case with strings, numbers or lists of strings; undefined ones are left out. Callers must not
   *   change them later.
   * @returns bytes that callers must not change
   * @throws TypeError that names the field, for a name or a value that RFC 9113, section 8.2.1 forbids. No block is due then.
   */
  encode(status: number | undefined, fields: OutgoingHttpHeaders): Buffer {
    const last = status === undefined ? this.#lastTrailers : this.#lastHeaders;
    const isSame = last !== undefined && last.fields === fields && last.status === status;
    if (isSame && last.block !== undefined) return last.block;

    const encoded = this.#write(status, fieldsOf(fields));
    // The first block may add fields to the table. The second is good for every time that follows.
    const block = isSame ? copyOf(encoded) : undefined;
    if (status === undefined) this.#lastTrailers = { status, fields, block };
    else this.#lastHeaders = { status, fields, block };
    return block ?? encoded;
  }

  #write(status: number | undefined, fields: readonly Field[]): Buffer {
    const writer = new BlockWriter(maxBlockBytes(fields));
    if (this.#isResized) {
      // The table begins empty, so that both ends have the same fields.
      writer.integer(0, sizeUpdate);
      if (this.#tableBytes > 0) writer.integer(this.#tableBytes, sizeUpdate);
      this.#isResized = false;
    }
    if (status !== undefined) writeStatus(writer, status);
    for (const field of fields) this.#writeField(writer, field);
    return writer.block();
  }

  #writeField(writer: BlockWriter, field: Field): void {
    const { name, value } = field;
    if (!repeatedFields.has(name) || value.length > maxRepeatedValue) {
      writeLiteral(writer, field, unindexed);
      return;
    }
    const position = this.#table.findIndex((known) => known.name === name && known.value === value);
    if (position >= 0) {
      writer.integer(firstDynamicIndex + this.#table.length - 1 - position, indexed);
    } else if (this.#usedBytes + fieldBytes(name, value) <= this.#tableBytes) {
      writeLiteral(writer, field, added);
      this.#add(field);
    } else {
      writeLiteral(writer, field, unindexed);
    }
  }

  #add(field: Field): void {
    this.#table.push(field);
    this.#usedBytes += fieldBytes(field.name, field.value);
    // Older fields have new indexes.
    this.#forgetBlocks();
  }

  #forgetBlocks(): void {
    this.#lastHeaders = undefined;
    this.#lastTrailers = undefined;
  }
}

/** @throws TypeError as `encode` does, before anything is written or added to the table */
function fieldsOf(fields: OutgoingHttpHeaders): Field[] {
  const list: Field[] = [];
  const add = (name: string, value: string) => {
    checkField(name, value);
    list.push({ name, value });
  };
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (Array.isArray(value)) for (const one of value) add(name, one);
    else if (value !== undefined) add(name, String(value));
  }
  return list;
}

/** Two sizes of the table and a status, then fields whose names and values are all literals. */
function maxBlockBytes(fields: readonly Field[]): number {
  let bytes = 4 * maxIntegerOctets;
  for (const { name, value } of fields) bytes += 3 * maxIntegerOctets + name.length + value.length;
  return bytes;
}

function writeStatus(writer: BlockWriter, status: number): void {
  const index = staticStatuses.get(status);
  if (index !== undefined) writer.integer(index, indexed);
  else writeLiteral(writer, { name: statusName, value: String(status) }, unindexed);
}

function writeLiteral(writer: BlockWriter, { name, value }: Field, representation: Representation): void {
  const index = staticNames.get(name) ?? 0;
  writer.integer(index, representation);
  if (index === 0) writer.text(name);
  writer.text(value);
}
