import { ConnectionError } from "./errors.ts";
import { errorCode, flag } from "./protocol.ts";

/**
 * The length of a frame's padding and of the byte that says it; 0 without any: RFC 9113, section 6.1.
 *
 * @throws ConnectionError
 */
export function paddingOf(flags: number, bytes: Buffer, from: number, to: number): number {
  if ((flags & flag.padded) === 0) return 0;
  if (from === to) throw new ConnectionError(errorCode.frameSizeError, "a padded frame is too short");
  const padding = 1 + bytes.readUInt8(from);
  if (padding > to - from) throw new ConnectionError(errorCode.protocolError, "the padding is too long");
  return padding;
}
