/** Bodies are read alike, whatever pieces they arrive in. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Code } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GatheredBytes } from "../../src/rpc/messages/gathered-bytes.ts";
import { inEnvelopes, wholeBody } from "../../src/rpc/messages/request-body.ts";
import { limits } from "../../src/users/limits.ts";
import { enveloped } from "../support/grpc-streams.ts";

async function* from(pieces: Iterable<Buffer>) {
  yield* pieces;
}

/** Cuts bytes at some places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
}

const envelopesOf = (pieces: AsyncIterable<Buffer>) => inEnvelopes(pieces, "maxRequestBytes");

async function* wholeOf(pieces: AsyncIterable<Buffer>) {
  yield await wholeBody(pieces, "maxRequestBytes");
}

/** All envelopes, and the code of the error that ends them. */
async function all(pieces: AsyncIterable<Buffer>): Promise<{ pieces: Buffer[]; code?: Code }> {
  const seen: Buffer[] = [];
  try {
    for await (const piece of pieces) seen.push(Buffer.from(piece));
    return { pieces: seen };
  } catch (error) {
    return { pieces: seen, code: (error as { code: Code }).code };
  }
}

const message = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.nat({ max: 3_000 }).map((length) => Buffer.alloc(length, "m")),
);
const envelopes = fc.array(
  fc.tuple(message, fc.nat({ max: 255 })).map(([bytes, flags]) => enveloped(bytes, flags)),
  { maxLength: 5 },
);
const places = fc.array(fc.nat(), { maxLength: 30 });

describe("envelopes", () => {
  test("come out whole and in order, wherever the body is cut", async () => {
    await fc.assert(
      fc.asyncProperty(envelopes, places, async (sent, at) => {
        expect(await all(envelopesOf(from(cut(Buffer.concat(sent), at))))).toEqual({ pieces: sent });
      }),
      { numRuns: 500 },
    );
  });

  test("come out before the error of the one after them", async () => {
    const tooLarge = Buffer.alloc(5);
    tooLarge.writeUInt32BE(limits.maxRequestBytes + 1, 1);
    const endings = [
      [tooLarge, Code.ResourceExhausted],
      [tooLarge.subarray(0, 4), Code.InvalidArgument],
      [enveloped(Buffer.alloc(9)).subarray(0, 5), Code.InvalidArgument],
    ] as const;
    await fc.assert(
      fc.asyncProperty(envelopes, fc.constantFrom(...endings), places, async (sent, [ending, code], at) => {
        const pieces = cut(Buffer.concat([...sent, ending]), at);
        expect(await all(envelopesOf(from(pieces)))).toEqual({ pieces: sent, code });
      }),
      { numRuns: 500 },
    );
  });
});

test("a body without prefixes is one message, up to the limit", async () => {
  const max = limits.maxOpenRequestBytes;
  const bytes = Buffer.from(Array.from({ length: max + 1 }, (_, at) => at % 251));
  const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
  const read = (pieces: Buffer[]) => wholeBody(from(pieces), "maxOpenRequestBytes");
  expect((await read(single.slice(0, max))).equals(bytes.subarray(0, max))).toBe(true);
  await expect(read(single)).rejects.toMatchObject({ code: Code.ResourceExhausted });
});

describe("of pieces of any size", () => {
  const count = 100_000;

  test.each([
    ["envelopes", envelopesOf],
    ["a whole body", wholeOf],
  ])("none stays in memory while %s are read", async (_, read) => {
    setFlagsFromString("--expose-gc");
    const collectGarbage: () => void = runInNewContext("gc");
    const pieces: WeakRef<Buffer>[] = [];
    const alive = Promise.withResolvers<number>();
    async function* single() {
      yield enveloped(Buffer.alloc(2 * count)).subarray(0, 5);
      for (let at = 0; at < count; at++) {
        const piece = Buffer.alloc(1);
        if (at % 100 === 0) pieces.push(new WeakRef(piece));
        yield piece;
      }
      await new Promise(setImmediate);
      collectGarbage();
      alive.resolve(pieces.filter((piece) => piece.deref() !== undefined).length);
    }
    const reading = all(read(single()));
    expect(await alive.promise).toBeLessThan(10);
    await reading;
  });

  test("the buffer takes at most four times their bytes", () => {
    const gathered = new GatheredBytes();
    const single = Buffer.alloc(1);
    for (let length = 1; length <= count; length++) {
      gathered.add(single, 2 * count);
      if (gathered.bytes.buffer.byteLength > Math.max(4 * length, Buffer.poolSize)) {
        expect.fail(`${gathered.bytes.buffer.byteLength} for ${length}`);
      }
    }
    expect(gathered.take()).toHaveLength(count);
    expect(gathered.take()).toHaveLength(0);
  });
});
