/** Header blocks made by hand, and what decoders make of blocks: RFC 7541. */
import type { FieldSink, HpackDecoder } from "../../src/http2/hpack/decoder.ts";
import { HpackError } from "../../src/http2/hpack/hpack-error.ts";
import { huffmanCodeBits, huffmanCodes } from "../../src/http2/hpack/tables.ts";

export type Field = readonly [name: string, value: string];

/** The fields of a block. */
export function fieldsIn(decoder: HpackDecoder, block: Uint8Array): Field[] {
  const fields: Field[] = [];
  const sink: FieldSink = { field: ({ name, value }) => fields.push([name, value]) };
  // Blocks are parts of larger buffers.
  const around = Buffer.concat([Buffer.from([0x80]), block, Buffer.from([0x80])]);
  decoder.decode(around, 1, 1 + block.length, sink);
  return fields;
}

/** The dynamic table of a decoder, from the newest field. */
export function tableOf(decoder: HpackDecoder): Field[] {
  const fields: Field[] = [];
  for (let index = 62; ; index++) {
    try {
      fields.push(...fieldsIn(decoder, integer(index, 0x80, 0x7f)));
    } catch (error) {
      if (error instanceof HpackError) return fields;
      throw error;
    }
  }
}

/** The size of a table by section 4.1. */
export function sizeOf(table: readonly Field[]): number {
  return table.reduce((bytes, [name, value]) => bytes + name.length + value.length + 32, 0);
}

/** Section 5.1. */
function integer(value: number, flags: number, mask: number): Buffer {
  if (value < mask) return Buffer.from([flags | value]);
  const octets = [flags | mask];
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push(128 | (rest % 128));
  return Buffer.from([...octets, rest]);
}

/** A string literal, with Huffman's code or without: section 5.2. */
function text(value: string, isHuffman: boolean): Buffer {
  const octets = Buffer.from(value, "latin1");
  const coded = isHuffman ? huffman(octets) : octets;
  return Buffer.concat([integer(coded.length, isHuffman ? 0x80 : 0, 0x7f), coded]);
}

function huffman(octets: Buffer): Buffer {
  let bits = "";
  for (const octet of octets) bits += huffmanCodes[octet]!.toString(2).padStart(huffmanCodeBits[octet]!, "0");
  const bytes = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1").match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}

/** A field whose name and value are literals: added to the table (section 6.2.1), or not (6.2.2), or never (6.2.3). */
export function literal([name, value]: Field, kind: "added" | "unindexed" | "never", isHuffman: boolean): Buffer {
  const first = { added: 0x40, unindexed: 0, never: 0x10 }[kind];
  return Buffer.concat([Buffer.from([first]), text(name, isHuffman), text(value, isHuffman)]);
}

/** A block of fields that come into no table. */
export function plainBlock(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map((field) => literal(field, "unindexed", false)));
}

/** A new size of the table: section 6.3. */
export function sizeUpdate(bytes: number): Buffer {
  return integer(bytes, 0x20, 0x1f);
}
