/** What a request's body keeps in memory while nobody takes it. */
import { describe, expect, test } from "vitest";
import { compact } from "../../src/http2/compact.ts";
import { RequestBody } from "../../src/http2/request-body.ts";

const stream = { giveBack: () => {}, announceWindow: () => {} };

/** The memory that buffers keep: each of what they are views on, once. */
function kept(buffers: readonly Buffer[]): number {
  return [...new Set(buffers.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Bytes that differ, each in a piece of an arrival of 64 KiB. */
function smallPieces(count: number, length: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => Buffer.alloc(65_536, index % 251).subarray(0, length));
}

describe("a body that nobody takes", () => {
  test.each([1, 10, 600, 1_024, 2_000, 16_000])("in pieces of %i bytes keeps little more than its bytes", (length) => {
    const body = new RequestBody(stream, undefined);
    const sent = smallPieces(100, length);
    for (const piece of sent) body.add(piece);
    const pieces: Buffer[] = [];
    body.receive(
      (piece) => pieces.push(piece),
      () => {},
    );
    expect(Buffer.concat(pieces).equals(Buffer.concat(sent))).toBe(true);
    expect(kept(pieces)).toBeLessThanOrEqual(Math.max(1_024, 4 * 100 * length));
  });
});

test("a body that has been dropped has no end to receive", () => {
  const body = new RequestBody(stream, undefined);
  body.drop();
  body.end();
  const seen: string[] = [];
  body.receive(
    () => seen.push("piece"),
    () => seen.push("end"),
  );
  expect(seen).toEqual([]);
});

test("a small view on a large buffer is copied, with memory of its own", () => {
  const large = Buffer.allocUnsafeSlow(65_536);
  expect(compact(large.subarray(5, 15)).buffer.byteLength).toBe(10);
  expect(compact(large.subarray(0, 60_000)).buffer).toBe(large.buffer);
});
