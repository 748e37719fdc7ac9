/** Whether messages come compressed: Connect, which is given them decompressed, does not tell its handlers. */
import type { HandlerContext } from "@connectrpc/connect";
import { incomingKey } from "../../../src/rpc/connect/incoming-messages.ts";

/** Of the message that has been read last. */
export function isCompressed({ values }: HandlerContext): boolean {
  return values.get(incomingKey)?.isCompressed ?? false;
}
