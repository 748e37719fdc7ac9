import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isNonEmptyString, mergeStructs, selectProperties } from "../../src/users/struct-entries.ts";
import { canonical, decode } from "../support/struct.ts";

const properties = fc.dictionary(
  fc.oneof(fc.constantFrom("a", "b", "c", "__proto__", "é"), fc.string({ unit: "binary", minLength: 1, maxLength: 8 })),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 8 },
) as fc.Arbitrary<JsonObject>;

function assigned(stored: JsonObject, sent: JsonObject): JsonObject {
  return Object.fromEntries([...Object.entries(stored), ...Object.entries(sent)]);
}

describe("merging", () => {
  test("replaces what is sent, keeps what is not, and stays canonical", () => {
    fc.assert(
      fc.property(properties, properties, (stored, sent) => {
        const merged = mergeStructs(canonical(stored), canonical(sent));
        const expected = canonical(assigned(stored, sent));
        if (merged === undefined) expect(Buffer.compare(canonical(stored), expected)).toBe(0);
        else {
          expect(Buffer.compare(merged.bytes, expected)).toBe(0);
          expect(merged.count).toBe(Object.keys(assigned(stored, sent)).length);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("of what is there already changes nothing", () => {
    fc.assert(
      fc.property(properties, (stored) => {
        expect(mergeStructs(canonical(stored), canonical(stored))).toBeUndefined();
        expect(mergeStructs(canonical(stored), canonical({}))).toBeUndefined();
      }),
    );
  });
});

describe("selecting", () => {
  test("gives the properties named, of those that are there", () => {
    const struct = canonical({ a: 1, é: [2], c: { d: 3 } });
    const names = new Set(["c", "é", "missing"].map((name) => Buffer.from(name).toString("latin1")));
    expect(decode(selectProperties(struct, names))).toEqual({ é: [2], c: { d: 3 } });
  });
});

describe("a non-empty string", () => {
  const struct = canonical({ empty: "", long: "x".repeat(300), nothing: null, text: "x" });
  test.each([
    ["text", true],
    ["long", true],
    ["empty", false],
    ["nothing", false],
    ["absent", undefined],
    ["zz", undefined],
  ])("%s: %s", (name, expected) => {
    expect(isNonEmptyString(struct, Buffer.from(name))).toBe(expected);
  });
});
