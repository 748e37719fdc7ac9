/** The header lists that a client sends. */
import { flags, frameTypes } from "../../support/http2-frames.ts";
import { HeaderDecoder } from "../../support/http2-header-decoder.ts";
import type { Field } from "../../support/http2-header-encoder.ts";
import type { RawFrame } from "./conversation.ts";

export const padded = 8;
export const priority = 32;
export const priorityBytes = 5;

export interface HeaderList {
  readonly stream: number;
  readonly fields: readonly Field[];
}

/** One for each block that ends with these frames and can be decoded, in order. After one that cannot, none can. */
export function headerListsIn(frames: readonly RawFrame[]): HeaderList[] {
  const decoder = new HeaderDecoder();
  const lists: HeaderList[] = [];
  let parts: Buffer[] = [];
  for (const frame of frames) {
    if (frame.type === frameTypes.headers) parts = [fragmentOf(frame)];
    else if (frame.type === frameTypes.continuation) parts.push(frame.payload);
    else continue;
    if ((frame.flags & flags.endHeaders) === 0) continue;
    try {
      lists.push({ stream: frame.stream, fields: decoder.decode(Buffer.concat(parts)) });
    } catch {
      return lists;
    }
  }
  return lists;
}

function fragmentOf({ flags: bits, payload }: RawFrame): Buffer {
  const padding = (bits & padded) === 0 ? 0 : 1 + (payload[0] ?? 0);
  const from = (padding === 0 ? 0 : 1) + ((bits & priority) === 0 ? 0 : priorityBytes);
  return payload.subarray(from, payload.length - Math.max(0, padding - 1));
}
