/** What clients of our own HTTP/2 send, frame by frame. */
import { flags, frame, headerBlock } from "../support/http2-frames.ts";
import type { RawHttp2Client } from "../support/http2-raw-client.ts";
import { until } from "../support/until.ts";

/** The identifier of SETTINGS_INITIAL_WINDOW_SIZE. */
export const initialWindowSize = 4;
/** The largest window, and the largest id of a stream. */
export const maxInt31: number = 2 ** 31 - 1;
export const whole: number = flags.endHeaders | flags.endStream;

/** HEADERS of a request. @param more headers */
export function request(
  id: number,
  path: string,
  flagBits: number = whole,
  more: Readonly<Record<string, string>> = {},
): Buffer {
  const headers = { ":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost", ...more };
  return frame("headers", flagBits, id, headerBlock(headers));
}

/** DATA of zeros, and an empty frame with the flags if there are any. */
export function data(id: number, bytes: number, flagBits = 0): Buffer {
  const frames: Buffer[] = [];
  for (let left = bytes; left > 0; left -= 16_384)
    frames.push(frame("data", 0, id, Buffer.alloc(Math.min(left, 16_384))));
  if (flagBits !== 0) frames.push(frame("data", flagBits, id));
  return Buffer.concat(frames);
}

/** Resolves once the server has read all that was sent, and has sent all that it can. */
export async function settled(client: RawHttp2Client): Promise<void> {
  for (let quiet = 0; quiet < 3; ) {
    const [pings, frames] = [client.framesOf("ping").length, client.frames.length];
    client.send(frame("ping", 0, 0, Buffer.from("settled?")));
    await until(() => client.framesOf("ping").length > pings);
    quiet = client.frames.length === frames + 1 ? quiet + 1 : 0;
  }
}
