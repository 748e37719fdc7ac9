import { isUtf8 } from "node:buffer";
import { limitExceeded } from "./errors.ts";
import { limits } from "./limits.ts";
import { Invalid, type Parsed } from "./parsed.ts";

declare const checked: unique symbol;

/** A valid user id: 1 to 256 bytes of UTF-8 without control characters. */
export type UserId = string & { readonly [checked]: "UserId" };

const controlCharacter = /\p{Cc}/u;

/**
 * Checks an id as it came over the wire.
 *
 * @param field the request's field that holds it
 */
export function parseUserId(bytes: Uint8Array, field = "id"): Parsed<UserId> {
  const invalid = (description: string) => new Invalid({ field, reason: "INVALID_ID", description });
  if (bytes.length === 0) return invalid("is required");
  if (bytes.length > limits.maxIdBytes) {
    return new Invalid({ ...limitExceeded(field, "maxIdBytes", bytes.length, "bytes"), reason: "INVALID_ID" });
  }
  const view = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!isUtf8(bytes)) return invalid("is not valid UTF-8");
  const id = view.toString("utf8");
  return isUserId(id) ? id : invalid("has control characters");
}

function isUserId(id: string): id is UserId {
  return !controlCharacter.test(id);
}
