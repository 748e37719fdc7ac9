import { readFileSync } from "node:fs";
import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/users/limits.ts";
import { allValid, Invalid } from "../../src/users/parsed.ts";
import { canonicalStruct } from "../../src/users/struct/canonical.ts";
import { DecodeBudget } from "../../src/users/struct/decode.ts";
import { EntryCursor } from "../../src/users/struct/entries.ts";
import { propertiesLimits, tags } from "../../src/users/struct/format.ts";
import { normalizeStruct } from "../../src/users/struct/normalize.ts";
import { isCanonical } from "../../src/users/struct/scan.ts";
import { seededRandom } from "../support/random.ts";
import { repeats } from "../support/repeats.ts";
import { canonical, decode, encode, encodeSloppily } from "../support/struct.ts";

const json = fc.jsonValue({ maxDepth: 6 });
const name = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 30 }),
  fc.constantFrom("__proto__", "constructor", "toString", "a.b", "10", "9", "", "é", "𝄞", "שלום"),
);
const properties = fc
  .uniqueArray(fc.tuple(name, json), { maxLength: 20, selector: ([key]) => key })
  .map((entries) => Object.fromEntries(entries.filter(([key]) => key !== "")) as JsonObject);
const seed = fc.integer();

function violationsOf(...pieces: Uint8Array[]) {
  const result = canonicalStruct(pieces, "properties");
  if (!(result instanceof Invalid)) return [];
  return result.violations.map(({ field, reason, limit }) => ({ field, reason, limit }));
}

/** An object or list nested `depth` deep. */
function nested(depth: number, list: boolean): JsonObject {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = list ? [value] : { k: value };
  return { deep: value } as JsonObject;
}

describe("a canonical Struct", () => {
  test("means the same as what was sent, however that was encoded", () => {
    fc.assert(
      fc.property(properties, seed, (sent, random) => {
        const sloppy = encodeSloppily(sent, seededRandom(random));
        const [struct] = allValid(canonicalStruct([sloppy], "properties"));
        expect(decode(struct)).toEqual(decode(sloppy));
        expect(Buffer.compare(struct, canonical(sent))).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  test.each([2, 32, 33, 100, 512])("has its %i names in the order of their bytes, at every depth", (count) => {
    const random = seededRandom(count);
    for (let round = 0; round < 20; round++) {
      const names = Array.from({ length: count }, (_, at) => `${["k", "K", "é", ""][at % 4]}${at}`);
      const shuffled = names.map((name) => ({ name, rank: random() })).sort((a, b) => a.rank - b.rank);
      const inner = Object.fromEntries(shuffled.map(({ name }) => [name, 1]));
      const sent: JsonObject = Object.fromEntries(shuffled.map(({ name }, at) => [name, at === 0 ? [inner] : name]));
      const entries = encode(sent);
      const cursor = new EntryCursor(canonical(sent));
      const found: Buffer[] = [];
      while (cursor.next()) found.push(Buffer.from(cursor.bytes.subarray(cursor.nameStart, cursor.nameEnd)));
      expect(found).toEqual(names.map((name) => Buffer.from(name)).sort(Buffer.compare));
      expect(isCanonical(canonical(sent))).toBe(true);
      expect(decode(canonical(sent))).toEqual(decode(entries));
      // A name that is repeated: the last one wins, wherever the first is.
      const again = encode({ [shuffled[Math.floor(random() * count)]?.name ?? ""]: "again" });
      const [twice] = allValid(canonicalStruct([Buffer.concat([encode(sent), again])], "properties"));
      expect(decode(twice)).toEqual(decode(Buffer.concat([encode(sent), again])));
    }
  });

  test("is the same for a message field sent in pieces as for one sent whole", () => {
    fc.assert(
      fc.property(properties, properties, seed, (first, second, random) => {
        const pieces = [first, second].map((part) => encodeSloppily(part, seededRandom(random)));
        const [struct] = allValid(canonicalStruct(pieces, "properties"));
        expect(decode(struct)).toEqual(decode(Buffer.concat(pieces)));
      }),
    );
  });

  test("is taken as it is, without a copy", () => {
    fc.assert(
      fc.property(properties, (sent) => {
        const struct = canonical(sent);
        expect(canonicalStruct([struct], "properties")).toBe(struct);
        const [again] = allValid(normalizeStruct(struct, "properties", propertiesLimits, new DecodeBudget()));
        expect(Buffer.compare(again, struct)).toBe(0);
      }),
    );
  });

  test("has its names in the order of their bytes", () => {
    const struct = canonical({ b: 1, "𝄞": 2, "\uffff": 3, B: 4, "9": 1, "10": 1 });
    const entry = new EntryCursor(struct);
    const names: string[] = [];
    while (entry.next()) names.push(Buffer.from(struct).toString("utf8", entry.nameStart, entry.nameEnd));
    expect(names).toEqual(["10", "9", "B", "b", "\uffff", "𝄞"]);
  });

  test("keeps the sign of zero", () => {
    expect(Object.is((decode(canonical({ n: -0 })) as { n: number }).n, -0)).toBe(true);
  });

  test("any bytes are either brought to canonical form or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const result = canonicalStruct([bytes], "properties");
        if (result instanceof Invalid) expect(result.violations.length).toBeGreaterThan(0);
        else expect(isCanonical(result)).toBe(true);
      }),
      { numRuns: repeats(4_000) },
    );
  });

  test("a valid encoding with any byte changed is either brought to canonical form or refused", () => {
    fc.assert(
      fc.property(properties, fc.nat(), fc.nat(255), (sent, at, byte) => {
        const bytes = Uint8Array.from(canonical(sent));
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        const result = canonicalStruct([bytes], "properties");
        if (result instanceof Invalid) expect(result.violations.length).toBeGreaterThan(0);
        else expect(isCanonical(result)).toBe(true);
      }),
      { numRuns: repeats(4_000) },
    );
  });
});

interface Vector {
  readonly name: string;
  /** An encoding of a Struct, hexadecimal. */
  readonly encoded: string;
  /** Its canonical form, hexadecimal; absent where it is refused. */
  readonly canonical?: string;
  readonly refused?: { readonly field: string; readonly reason: string };
}

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../vectors/canonical-struct.json", import.meta.url), "utf8"),
);

describe("the test vectors", () => {
  test.each(vectors)("$name", ({ encoded, canonical: expected, refused }) => {
    const result = canonicalStruct([Buffer.from(encoded, "hex")], "properties");
    if (result instanceof Invalid) expect(result.violations[0]).toMatchObject(refused ?? {});
    else expect(Buffer.from(result).toString("hex")).toBe(expected);
    expect(result instanceof Invalid).toBe(refused !== undefined);
  });
});

describe("limits", () => {
  test.each([true, false])("values may be 24 objects or lists deep, and no deeper (lists: %s)", (list) => {
    expect(violationsOf(encode(nested(limits.maxValueDepth, list)))).toEqual([]);
    const [violation] = violationsOf(encode(nested(limits.maxValueDepth + 1, list)));
    expect(violation).toMatchObject({ reason: "LIMIT_EXCEEDED", limit: "maxValueDepth" });
    expect(violation?.field).toMatch(list ? /^properties\.deep(\[0\])+/ : /^properties\.deep(\.k)+/);
  });

  test("nesting of thousands of levels is refused, not a crash", () => {
    let value: Buffer = Buffer.of(tags.nullValue, 0);
    for (let i = 0; i < 2_000; i++) value = field(tags.listValue, field(tags.listItem, value));
    const name = field(tags.entryName, Buffer.from("a"));
    const bytes = field(tags.structEntry, Buffer.concat([name, field(tags.entryValue, value)]));
    expect(violationsOf(bytes)[0]).toMatchObject({ reason: "LIMIT_EXCEEDED", limit: "maxValueDepth" });
  });

  test("a name has at most 128 bytes", () => {
    expect(violationsOf(encode({ ["n".repeat(128)]: 1 }))).toEqual([]);
    expect(violationsOf(encode({ ["é".repeat(65)]: 1 }))).toMatchObject([{ limit: "maxPropertyNameBytes" }]);
  });

  test("a value has at most 64 KiB", () => {
    const overhead = 4;
    expect(violationsOf(encode({ a: "x".repeat(limits.maxValueBytes - overhead) }))).toEqual([]);
    expect(violationsOf(encode({ a: "x".repeat(limits.maxValueBytes - overhead + 1) }))).toEqual([
      { field: "properties.a", reason: "LIMIT_EXCEEDED", limit: "maxValueBytes" },
    ]);
  });

  test("there are at most 512 properties", () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, i]));
    expect(violationsOf(encode(many(512)))).toEqual([]);
    expect(violationsOf(encode(many(513)))).toMatchObject([{ field: "properties", limit: "maxProperties" }]);
  });

  test("properties have at most 256 KiB together", () => {
    const large = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, "x".repeat(60_000)]));
    expect(violationsOf(encode(large(4)))).toEqual([]);
    expect(violationsOf(encode(large(5)))).toMatchObject([{ field: "properties", limit: "maxPropertiesBytes" }]);
  });

  describe("of values in an unusual encoding, no more are decoded", () => {
    /** An unknown field makes it unusual. */
    const list = (items: number) => {
      const nulls = Buffer.concat([Buffer.of(0x78, 0), Buffer.alloc(4 * items, Buffer.of(tags.listItem, 2, 8, 0))]);
      return field(
        tags.structEntry,
        Buffer.concat([Buffer.from("0a0161", "hex"), field(tags.entryValue, field(tags.listValue, nulls))]),
      );
    };
    const tooMany = [{ field: "properties", reason: "LIMIT_EXCEEDED", limit: "maxPropertiesBytes" }];

    test("than its limit of bytes can hold", () => {
      const result = normalizeStruct(list(200_000), "properties", propertiesLimits, new DecodeBudget());
      expect(result).toMatchObject({ violations: tooMany });
    });

    test("than all Structs of one request may have together", () => {
      const budget = new DecodeBudget();
      const one = () => canonicalStruct([list(10_000)], "properties", propertiesLimits, budget);
      const fitting = Math.floor(budget.values / 10_002);
      for (let at = 0; at < fitting; at++) expect(one()).not.toBeInstanceOf(Invalid);
      expect(one()).toMatchObject({ violations: tooMany });
    });
  });

  test("at most 20 violations are named, with short paths", () => {
    const bad = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${"long.".repeat(20)}${i}`, Number.NaN]));
    const bytes = Buffer.concat(Object.entries(bad).map(([key, value]) => entryOf(key, value)));
    const violations = violationsOf(bytes);
    expect(violations).toHaveLength(20);
    for (const { field } of violations) expect(field.length).toBeLessThan(200);
  });
});

/** A length-delimited field. */
function field(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/** The map entry of a number, which JSON cannot express where it is not finite. */
function entryOf(key: string, value: number): Buffer {
  const number = Buffer.alloc(9, 0x11);
  number.writeDoubleLE(value, 1);
  const name = field(tags.entryName, Buffer.from(key));
  return field(tags.structEntry, Buffer.concat([name, field(tags.entryValue, number)]));
}
