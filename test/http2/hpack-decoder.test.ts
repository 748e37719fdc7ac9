import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HpackDecoder } from "../../src/http2/hpack/decoder.ts";
import { HpackError } from "../../src/http2/hpack/hpack-error.ts";
import { repeats } from "../support/repeats.ts";
import { type Field, fieldsIn, literal, sizeOf, sizeUpdate, tableOf } from "./hpack-blocks.ts";

interface Example {
  readonly section: string;
  readonly fields: readonly Field[];
  readonly block: string;
  readonly table: readonly Field[];
}

describe("the RFC's examples", () => {
  const examples: Example[] = JSON.parse(readFileSync(new URL("hpack-examples.json", import.meta.url), "utf8"));
  /** Those of one connection: C.3.1, C.3.2 and C.3.3. Those of C.2 stand alone. */
  const connections = Map.groupBy(examples, ({ section }) =>
    section.startsWith("C.2") ? section : section.slice(0, 3),
  );

  test.each([...connections])("%s", (section, blocks) => {
    const decoder = new HpackDecoder(4096);
    if (/C\.[56]/.test(section)) fieldsIn(decoder, sizeUpdate(256));
    for (const { fields, block, table } of blocks) {
      expect(fieldsIn(decoder, Buffer.from(block, "hex"))).toEqual(fields);
      expect(tableOf(decoder)).toEqual(table);
    }
  });
});

const field = "4001610162";
test.each([
  ["the index 0", "80", "index 0"],
  ["an index beyond the table", "be", "index 62"],
  ["an index beyond the table of one field", `${field}bf`, "index 63"],
  ["an index of a name beyond the table, of a field to add", "7f00", "index 63"],
  ["an index of a name beyond the table, of another field", "0f2f", "index 62"],
  ["an integer that ends early", "ff", "ends within"],
  ["an integer that ends later", "ff80", "ends within"],
  ["an integer over 2^28", "ffffffffff01", "integer"],
  ["a small integer with needless octets", "ff8080808000", "integer"],
  ["the length of a name over 2^28", "007fffffffff01", "integer"],
  ["no name", "40", "ends within"],
  ["no value", "400161", "ends within"],
  ["a name beyond the block", "400261", "longer than the block"],
  ["a value beyond the block", "4001610262", "longer than the block"],
  ["a size of the table after a field", "8220", "size"],
  ["a size of the table over the limit", "3fe21f", "4097"],
  ["a size of the table that ends early", "3f", "ends within"],
  ["EOS in a value", "40016184ffffffff", "end-of-string"],
  ["EOS in a name", "4084ffffffff0161", "end-of-string"],
  ["padding of a whole byte", "400161821fff", "padding"],
  ["padding alone", "40016181ff", "padding"],
  ["padding with a zero", "4001618118", "padding"],
])("the connection ends for %s", (_, block, message) => {
  const decode = () => fieldsIn(new HpackDecoder(4096), Buffer.from(block, "hex"));
  expect(decode).toThrow(HpackError);
  expect(decode).toThrow(message);
});

test("a block may be empty, or have only sizes of the table", () => {
  const decoder = new HpackDecoder(4096);
  expect(fieldsIn(decoder, Buffer.alloc(0))).toEqual([]);
  expect(fieldsIn(decoder, Buffer.concat([sizeUpdate(0), sizeUpdate(4096)]))).toEqual([]);
});

test("a smaller table evicts the oldest fields, and size 0 evicts all", () => {
  const decoder = new HpackDecoder(4096);
  const fields: Field[] = ["1", "2", "3"].map((value) => ["a", value]);
  fieldsIn(decoder, Buffer.concat(fields.map((one) => literal(one, "added", false))));
  fieldsIn(decoder, sizeUpdate(2 * 34));
  expect(tableOf(decoder)).toEqual([fields[2], fields[1]]);
  fieldsIn(decoder, Buffer.concat([sizeUpdate(0), sizeUpdate(4096)]));
  expect(tableOf(decoder)).toEqual([]);
});

test("a field larger than the table is decoded, and empties the table", () => {
  const decoder = new HpackDecoder(4096);
  const large: Field = ["b", "x".repeat(4096)];
  expect(
    fieldsIn(decoder, Buffer.concat([literal(["a", "1"], "added", false), literal(large, "added", true)])),
  ).toEqual([["a", "1"], large]);
  expect(tableOf(decoder)).toEqual([]);
});

test("a field may take its name from the field that it evicts", () => {
  const decoder = new HpackDecoder(4096);
  const old: Field = ["n".repeat(2000), "1"];
  fieldsIn(decoder, literal(old, "added", false));
  const value = "v".repeat(100);
  const block = Buffer.concat([sizeUpdate(2140), Buffer.from([0x40 | 62, value.length]), Buffer.from(value)]);
  expect(fieldsIn(decoder, block)).toEqual([[old[0], value]]);
  expect(tableOf(decoder)).toEqual([[old[0], value]]);
});

test("a table may be larger than 4096 bytes, once the peer says so", () => {
  const decoder = new HpackDecoder(65_536);
  const fields = Array.from({ length: 1000 }, (_, at): Field => ["a", String(at).padStart(7, "0")]);
  const block = Buffer.concat(fields.map((one) => literal(one, "added", false)));
  fieldsIn(decoder, block);
  expect(sizeOf(tableOf(decoder))).toBeLessThanOrEqual(4096);
  fieldsIn(decoder, Buffer.concat([sizeUpdate(65_536), block]));
  expect(tableOf(decoder).slice(0, 1000)).toEqual(fields.toReversed());
});

test("a string may be as long as a block of 64 KiB, with Huffman's code or without", () => {
  for (const isHuffman of [false, true]) {
    const long: Field = ["a", "0123456789".repeat(isHuffman ? 10_000 : 6_500)];
    expect(fieldsIn(new HpackDecoder(4096), literal(long, "unindexed", isHuffman))).toEqual([long]);
  }
});

test("a table takes no more memory for the fields that it has evicted", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  const decoder = new HpackDecoder(4096);
  const block = Buffer.concat(Array.from({ length: 1000 }, (_, at) => literal(["a", String(at)], "added", false)));
  fieldsIn(decoder, block);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  // An array of their places alone would take 8 MB.
  for (let times = 0; times < 1000; times++) decoder.decode(block, 0, block.length, { field() {} });
  collectGarbage();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(4e6);
});

describe("a block repeats the last one", () => {
  const isRepeat = (decoder: HpackDecoder, block: Buffer) => decoder.isRepeat(block, 0, block.length);
  const get = Buffer.from([0x82]);

  test("if it has the same bytes", () => {
    const decoder = new HpackDecoder(4096);
    const block = Buffer.concat([get, literal(["a", "b"], "unindexed", true)]);
    expect(isRepeat(decoder, block)).toBe(false);
    fieldsIn(decoder, block);
    expect(isRepeat(decoder, block)).toBe(true);
    expect(isRepeat(decoder, block.subarray(0, -1))).toBe(false);
    expect(isRepeat(decoder, Buffer.concat([block, get]))).toBe(false);
    expect(isRepeat(decoder, Buffer.concat([Buffer.from([0x83]), block.subarray(1)]))).toBe(false);
    fieldsIn(decoder, get);
    expect(isRepeat(decoder, block)).toBe(false);
  });

  test("unless that changed the table, so that the bytes have another meaning now", () => {
    const decoder = new HpackDecoder(4096);
    for (const block of [literal(["a", "1"], "added", false), Buffer.concat([sizeUpdate(0), get]), sizeUpdate(4096)]) {
      fieldsIn(decoder, get);
      fieldsIn(decoder, block);
      expect(isRepeat(decoder, block)).toBe(false);
      expect(isRepeat(decoder, get)).toBe(false);
    }
  });

  test("unless it is empty, which an unknown block is not to be taken for", () => {
    const decoder = new HpackDecoder(4096);
    fieldsIn(decoder, get);
    fieldsIn(decoder, literal(["a", "b".repeat(200)], "unindexed", false));
    expect(decoder.isRepeat(get, 0, 0)).toBe(false);
  });

  test("unless that could not be decoded, or is long", () => {
    const decoder = new HpackDecoder(4096);
    fieldsIn(decoder, get);
    expect(() => fieldsIn(decoder, Buffer.from([0x80]))).toThrow(HpackError);
    expect(isRepeat(decoder, get)).toBe(false);
    const long = literal(["a", "b".repeat(200)], "unindexed", false);
    fieldsIn(decoder, long);
    expect(isRepeat(decoder, long)).toBe(false);
  });
});

const octets = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const words = fc.string({ maxLength: 30 });
const names = fc.oneof(fc.constantFrom("content-type", "x", "cookie"), words, octets);
const fields = fc.tuple(names, fc.oneof(words, octets));
const kinds = fc.constantFrom("added", "unindexed", "never");

test("literals of all kinds and all octets are decoded, and the table has the newest that were added", () => {
  const blocks = fc.array(fc.array(fc.tuple(fields, kinds, fc.boolean()), { maxLength: 20 }), { maxLength: 5 });
  fc.assert(
    fc.property(blocks, fc.integer({ min: 0, max: 4096 }), (sent, size) => {
      const decoder = new HpackDecoder(4096);
      fieldsIn(decoder, sizeUpdate(size));
      for (const block of sent) {
        const bytes = Buffer.concat(block.map(([one, kind, isHuffman]) => literal(one, kind, isHuffman)));
        expect(fieldsIn(decoder, bytes)).toEqual(block.map(([one]) => one));
      }
      expect(tableOf(decoder)).toEqual(
        newestWithin(
          size,
          sent.flat().flatMap(([one, kind]) => (kind === "added" ? [one] : [])),
        ),
      );
    }),
  );
});

/** What a table of that size has after those fields, from the newest: section 4.4, told the other way around. */
function newestWithin(size: number, added: readonly Field[]): Field[] {
  const table: Field[] = [];
  for (const one of added.toReversed()) {
    if (sizeOf([...table, one]) > size) break;
    table.push(one);
  }
  return table;
}

describe("bytes at random", () => {
  const numRuns = repeats(20_000);
  const decodeAll = (blocks: readonly Uint8Array[]) => {
    const decoder = new HpackDecoder(4096);
    for (const block of blocks) {
      try {
        fieldsIn(decoder, block);
      } catch (error) {
        expect(error).toBeInstanceOf(HpackError);
        return;
      }
      expect(sizeOf(tableOf(decoder))).toBeLessThanOrEqual(4096);
    }
  };

  test("make fields or an HpackError, and keep the table within its size", () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }), decodeAll), { numRuns });
  });

  test("in good blocks make fields or an HpackError, too", () => {
    const block = fc
      .array(fc.tuple(fields, kinds, fc.boolean()), { minLength: 1, maxLength: 8 })
      .map((list) => Buffer.concat(list.map(([one, kind, isHuffman]) => literal(one, kind, isHuffman))));
    const changed = fc.tuple(block, fc.nat(), fc.nat(255)).map(([bytes, at, octet]) => {
      bytes[at % bytes.length] = octet;
      return bytes;
    });
    fc.assert(fc.property(fc.array(changed, { maxLength: 4 }), decodeAll), { numRuns });
  });
});
