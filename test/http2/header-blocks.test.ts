/** Blocks of headers: their sizes, the table, and blocks that repeat. */
import { describe, expect, test } from "vitest";
import { HeaderBlocks } from "../../src/http2/header-blocks.ts";
import { limits } from "../../src/http2/limits.ts";
import { and, decode, reading, request } from "./decoded-heads.ts";
import { type Field, literal, plainBlock } from "./hpack-blocks.ts";

describe("a list beyond the limit", () => {
  /** A list of this size. */
  function sized(bytes: number): Field[] {
    const overheadBytes = 32;
    const used = request.reduce((sum, [name, value]) => sum + name.length + value.length + overheadBytes, 0);
    return and(["x", "v".repeat(bytes - used - overheadBytes - 1)]);
  }

  test("is too large", () => {
    expect(reading(sized(limits.headerListBytes)).head.isTooLarge).toBe(false);
    const fields = reading([...sized(limits.headerListBytes + 1), ["y", "z"]]);
    expect(fields.bytes).toBe(limits.headerListBytes + 1 + 34);
    expect(fields.fault).toBeUndefined();
    expect(fields.head.isTooLarge).toBe(true);
    expect(Object.entries(fields.head.headers)).toEqual(request);
  });

  test("keeps no fields, however many HPACK makes of a few bytes", () => {
    const blocks = new HeaderBlocks();
    const big = literal(["x", "v".repeat(4_000)], "added", false);
    const block = Buffer.concat([plainBlock(request), big, Buffer.alloc(60_000, 0xbe)]);
    expect(() => decode(blocks, block)).toThrow("a block of headers stands for too much");
    expect(blocks.fields.bytes).toBeLessThan(limits.decodedHeaderBytes + 4_100);
    expect(blocks.fields.head.rawHeaders.join("").length).toBeLessThan(limits.headerListBytes);
  });
});

describe("fields that name one of the table", () => {
  test("are no more than a list may have, however long the name is", () => {
    const blocks = new HeaderBlocks();
    const named = literal(["n".repeat(4_000), ""], "added", false);
    // Each has the name of the entry, and no value.
    const block = Buffer.concat([
      plainBlock(request),
      named,
      ...Array.from({ length: 15_000 }, () => Buffer.of(0x0f, 62 - 15, 0)),
    ]);
    expect(() => decode(blocks, block)).toThrow("a block of headers stands for too much");
    expect(blocks.fields.bytes).toBeLessThan(limits.decodedHeaderBytes + 4_100);
  });

  test("have values that are checked as those of the name", () => {
    const blocks = new HeaderBlocks();
    decode(
      blocks,
      Buffer.concat([plainBlock(request), literal(["x-long", "good"], "added", false), Buffer.of(0x0f, 62 - 15, 1, 0)]),
    );
    expect(blocks.fields.fault).toBe("x-long has a value that it may not have");
    decode(blocks, Buffer.concat([plainBlock(request), literal(["X-Bad", "good"], "added", false)]));
    decode(blocks, Buffer.concat([plainBlock(request), Buffer.of(0x0f, 62 - 15, 1, 0x61)]));
    expect(blocks.fields.fault).toBe("X-Bad is no name of a field");
  });
});

describe("a block that repeats the last one", () => {
  const block = plainBlock(and(["x-a", "1"]));

  test("has the same head, which nobody can change any more", () => {
    const blocks = new HeaderBlocks();
    decode(blocks, block);
    const { head } = blocks.fields;
    decode(blocks, block);
    expect(blocks.fields.head).toBe(head);
    expect(blocks.fields.fault).toBeUndefined();
    expect(Object.isFrozen(head.headers)).toBe(true);
    const other = plainBlock(and(["x-a", "2"]));
    decode(blocks, other);
    expect(blocks.fields.head.headers["x-a"]).toBe("2");
    expect(head.headers["x-a"]).toBe("1");
    decode(blocks, other);
    expect(Object.isFrozen(blocks.fields.head.headers)).toBe(true);
  });

  test("may be the first whose head is wanted", () => {
    const blocks = new HeaderBlocks();
    const cookies = plainBlock(and(["set-cookie", "1"], ["set-cookie", "2"]));
    decode(blocks, cookies);
    expect(decode(blocks, cookies).head.headers["set-cookie"]).toEqual(["1", "2"]);
  });

  test("is checked anew as trailers", () => {
    const blocks = new HeaderBlocks();
    decode(blocks, block);
    decode(blocks, block, true);
    expect(blocks.fields.fault).toBe(":method has no place there");
    decode(blocks, block);
    expect(blocks.fields.fault).toBeUndefined();
  });

  test("is decoded anew once the table has changed", () => {
    const blocks = new HeaderBlocks();
    const insert = (value: string) => Buffer.concat([plainBlock(request), literal(["x-a", value], "added", false)]);
    const newest = Buffer.concat([plainBlock(request), Buffer.of(0xbe)]);
    for (const value of ["1", "2"]) {
      for (const each of [insert(value), newest]) {
        decode(blocks, each);
        expect(blocks.fields.head.headers["x-a"]).toBe(value);
      }
    }
  });
});
