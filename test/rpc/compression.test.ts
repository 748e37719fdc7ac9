import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { decompressorOf } from "../../src/rpc/connect/compression.ts";
import { limits } from "../../src/users/limits.ts";
import { seededRandom } from "../support/random.ts";

const maxBytes = limits.maxRequestBytes;
const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
const compress = {
  gzip: (bytes: Buffer) => promisify<Buffer, Buffer>(gzip)(bytes),
  br: (bytes: Buffer) => promisify<Buffer, typeof quick, Buffer>(brotliCompress)(bytes, quick),
};

describe.each(["gzip", "br"] as const)("%s", (name) => {
  const decompress = (bytes: Buffer, onPiece = (_: number) => {}) =>
    decompressorOf(name)!(bytes, "maxRequestBytes", onPiece);

  test.each([0, 1, 16_383, 16_384, 262_144, 262_145, 1_000_000, maxBytes])(
    "%i bytes come back as they were",
    async (size) => {
      const random = seededRandom(size);
      const bytes = Buffer.alloc(size);
      for (let at = 0; at < size; at += 97) bytes[at] = random() * 256;
      expect((await decompress(await compress[name](bytes))).equals(bytes)).toBe(true);
    },
  );

  test("many messages at once come back as they were", async () => {
    const texts = Array.from({ length: 50 }, (_, at) => Buffer.alloc(300_000, `text ${at} `));
    const all = await Promise.all(texts.map(async (text) => decompress(await compress[name](text))));
    expect(all.every((bytes, at) => texts[at]?.equals(bytes))).toBe(true);
  });

  test("a message beyond the limit is refused, whatever size it states", async () => {
    const bomb = await compress[name](Buffer.alloc(16 * maxBytes));
    await expect(decompress(bomb)).rejects.toMatchObject({ code: Code.ResourceExhausted });
    // gzip ends with the size of its content.
    bomb.writeUInt32LE(1_000, bomb.length - 4);
    await expect(decompress(bomb)).rejects.toMatchObject({ code: Code.ResourceExhausted });
  });

  test("tells the size of each piece", async () => {
    const bytes = Buffer.alloc(1_000_000, "text");
    const pieces: number[] = [];
    const decompressed = await decompress(await compress[name](bytes), (piece) => pieces.push(piece));
    expect(decompressed.equals(bytes)).toBe(true);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.reduce((sum, piece) => sum + piece)).toBe(bytes.length);
  });

  test("stops when its caller throws", async () => {
    const end = new ConnectError("there is no room", Code.ResourceExhausted);
    let pieces = 0;
    const decompressing = decompress(await compress[name](Buffer.alloc(1_000_000)), () => {
      pieces++;
      throw end;
    });
    await expect(decompressing).rejects.toBe(end);
    expect(pieces).toBe(1);
  });

  test("a truncated message cannot be read", async () => {
    const bytes = await compress[name](Buffer.alloc(100_000, "text"));
    const cut = Buffer.concat([bytes.subarray(0, bytes.length / 2), Buffer.alloc(4)]);
    await expect(decompress(cut)).rejects.toThrow("decompression failed");
  });
});
