/** Heads of requests, as the server decodes them from blocks. */
import { HeaderBlocks } from "../../src/http2/header-blocks.ts";
import type { FieldList } from "../../src/http2/request-head.ts";
import { type Field, plainBlock } from "./hpack-blocks.ts";

/** A good request without a body. */
export const request: readonly Field[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "localhost"],
];

export function and(...more: Field[]): Field[] {
  return [...request, ...more];
}

/** The fields of the next block of a connection. */
export function decode(blocks: HeaderBlocks, bytes: Buffer, areTrailers = false): FieldList {
  const block = { streamId: 1, endsStream: true, dependsOnItself: false, bytes, from: 0, to: bytes.length };
  blocks.decode(block, areTrailers);
  return blocks.fields;
}

/** The fields of a connection's first block. */
export function reading(fields: readonly Field[], areTrailers = false): FieldList {
  return decode(new HeaderBlocks(), plainBlock(fields), areTrailers);
}
