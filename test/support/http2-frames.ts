/** HTTP/2 frames made by hand, for clients that no library would be: https://www.rfc-editor.org/rfc/rfc9113 */

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const;

/** What a client sends first. */
export const preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame("settings", 0, 0, Buffer.alloc(0)),
]);

export function frame(
  type: keyof typeof frameTypes,
  flagBits: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = frameTypes[type];
  head[4] = flagBits;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The whole frames at the beginning of what was received. */
export function framesIn(received: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let rest = received; rest.length >= 9; ) {
    const end = 9 + rest.readUIntBE(0, 3);
    if (rest.length < end) break;
    const payload = rest.subarray(9, end);
    frames.push({ type: rest.readUInt8(3), flags: rest.readUInt8(4), stream: rest.readUInt32BE(5), payload });
    rest = rest.subarray(end);
  }
  return frames;
}

/** Those of the static table: RFC 7541, appendix A. */
const indexedStatuses = [200, 204, 206, 304, 400, 404, 500];

/** The `:status` that a header block of the server's begins with. */
export function statusIn(block: Buffer): number {
  const indexed = indexedStatuses[block.readUInt8(0) - 0x88];
  if (indexed !== undefined) return indexed;
  const isHuffman = block.readUInt8(1) >= 0x80;
  if (!isHuffman) return Number(block.toString("latin1", 2, 5));
  // Only a status of the digits 0, 1 and 2, which have five bits each, is shorter so: appendix B.
  const bits = block.readUInt16BE(2);
  return Number(`${bits >> 11}${(bits >> 6) & 31}${(bits >> 1) & 31}`);
}

/** SETTINGS as identifier and value. */
export function settings(values: Readonly<Record<number, number>>): Buffer {
  const payload = Object.entries(values).map(([identifier, value]) => {
    const entry = Buffer.alloc(6);
    entry.writeUInt16BE(Number(identifier), 0);
    entry.writeUInt32BE(value, 2);
    return entry;
  });
  return frame("settings", 0, 0, Buffer.concat(payload));
}

/** A header block of literals, none of which is indexed: RFC 7541, section 6.2.2. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

/** The headers of a gRPC call. */
export function grpcHeaders(path: string, more: Readonly<Record<string, string>> = {}): Buffer {
  return headerBlock({
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "localhost",
    "content-type": "application/grpc",
    te: "trailers",
    ...more,
  });
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([integer(bytes.length), bytes]);
}

/** With a prefix of seven bits: RFC 7541, section 5.1. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
