/** Connect's GET requests have their message in the URL: https://connectrpc.com/docs/protocol/#unary-get-request */
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Decompress, decompressorOf } from "./compression.ts";

export interface QueryMessage {
  /** The URL with another message in its place. */
  readonly url: string;
  /** Undefined where the message is not compressed, or Connect refuses its compression. */
  readonly decompress: Decompress | undefined;
  /**
   * The message as it was sent.
   *
   * @throws ConnectError INVALID_ARGUMENT where it is not base64 and should be
   */
  readonly bytes: () => Buffer;
}

/** @param standIn the other message, in UTF-8 and not compressed */
export function replaceQueryMessage(original: string, standIn: Buffer): QueryMessage {
  const url = new URL(original);
  const query = url.searchParams;
  const text = query.get("message") ?? "";
  const isBase64 = query.get("base64") === "1";
  const decompress = decompressorOf(query.get("compression"));
  if (decompress !== undefined) query.delete("compression");
  query.delete("base64");
  query.set("message", standIn.toString());
  return { url: url.toString(), decompress, bytes: () => (isBase64 ? fromBase64(text) : Buffer.from(text, "utf8")) };
}

function fromBase64(text: string): Buffer {
  try {
    return Buffer.from(base64Decode(text));
  } catch {
    throw new ConnectError("the query parameter message is not base64", Code.InvalidArgument);
  }
}
