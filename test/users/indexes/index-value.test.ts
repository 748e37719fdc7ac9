/** Indexed forms of values, and entries made of them. */
import type { JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundsOf, entryOf, entryPrefix, indexedValues, readEntry } from "../../../src/users/indexes/entries.ts";
import { fold } from "../../../src/users/indexes/fold.ts";
import { indexedValueOf, indexValue, lengthOfValue, textStart } from "../../../src/users/indexes/index-value.ts";
import type { Index, IndexState } from "../../../src/users/indexes/indexed-property.ts";
import { userId } from "../../support/commands.ts";
import { repeats } from "../../support/repeats.ts";
import { canonical, valueBytes } from "../../support/struct.ts";

type Indexed = boolean | number | string;

const characters = fc.constantFrom("\0", "\x01", "\xff", "a", "b", "é", "ß", "\u0800", "\uffff", "𝄞");
const text = fc.oneof(
  fc.string({ unit: characters, maxLength: 8 }),
  fc.string({ unit: "binary", maxLength: 12 }).filter((each) => each.isWellFormed()),
);
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1, -1, 1.5, 1e308, -1e308, 5e-324, -5e-324, 2 ** 53),
  fc.integer(),
);
const value: fc.Arbitrary<Indexed> = fc.oneof(fc.boolean(), number, text);
const id = fc
  .string({ unit: fc.constantFrom("!", "a", "b", "é", "𝄞"), minLength: 1, maxLength: 4 })
  .map((each) => userId(each));
const runs = { numRuns: repeats(40_000) };

const encoded = (of: JsonValue) => Buffer.from(valueBytes(of), "hex");
function formOf(of: JsonValue, folded = false): Uint8Array {
  const form = indexValue(encoded(of), folded);
  if (typeof form === "string") expect.fail(`${form}: ${JSON.stringify(of)}`);
  return form;
}

const kinds = ["boolean", "number", "string"];
/** The order of values: by kind, then as JavaScript and UTF-8 order them. */
function order(a: Indexed, b: Indexed): number {
  if (typeof a !== typeof b) return kinds.indexOf(typeof a) - kinds.indexOf(typeof b);
  if (typeof a === "string") return Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
  // Adding 0 makes 0 of -0.
  return Number(a) - Number(b) + 0;
}

describe("indexed forms", () => {
  test("sort as the values do, and are equal for equal values only", () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(Math.sign(Buffer.compare(formOf(a), formOf(b)))).toBe(Math.sign(order(a, b)));
      }),
      runs,
    );
  });

  test("with ids behind them sort by value, then id, and are read back", () => {
    fc.assert(
      fc.property(value, value, id, id, fc.integer({ min: 1, max: 65_535 }), (a, b, first, second, index) => {
        const [one, other] = [entryOf(index, formOf(a), first), entryOf(index, formOf(b), second)];
        const expected = order(a, b) || Buffer.compare(Buffer.from(first), Buffer.from(second));
        expect(Math.sign(Buffer.compare(one, other))).toBe(Math.sign(expected));
        expect(readEntry(one)).toEqual({ value: Buffer.from(formOf(a)), id: first });
        expect(lengthOfValue(formOf(a))).toBe(formOf(a).length);
      }),
      runs,
    );
  });

  test("begin with the form of a beginning if their text does, and only then", () => {
    fc.assert(
      fc.property(text, value, fc.boolean(), (start, whole, folded) => {
        const sought = textStart(start, folded);
        if (typeof sought === "string") expect.fail(sought);
        const begins =
          typeof whole === "string" && (folded ? fold(whole) : whole).startsWith(folded ? fold(start) : start);
        const form = formOf(whole, folded);
        expect(Buffer.compare(form.subarray(0, sought.length), sought) === 0).toBe(begins);
      }),
      runs,
    );
  });

  test.each([
    [1, "1", false],
    [true, "true", false],
    [true, 1, false],
    [false, 0, false],
    [0, -0, true],
    ["a", "A", false],
    ["é", "e\u0301", false],
    ["", "\0", false],
  ])("of %j and %j are equal: %j", (a, b, equal) => {
    expect(Buffer.compare(formOf(a), formOf(b)) === 0).toBe(equal);
  });

  test.each([
    ["ADA@example.com", "ada@EXAMPLE.com"],
    ["É", "e\u0301"],
    ["STRASSE", "straße"],
  ])("of %j and %j are equal once they are folded", (a, b) => {
    expect(Buffer.compare(formOf(a, true), formOf(b, true))).toBe(0);
  });

  test("are those of the description", () => {
    const hex = (of: JsonValue) => Buffer.from(formOf(of)).toString("hex");
    expect([false, true].map(hex)).toEqual(["0100", "0101"]);
    expect([0, 1, -1].map(hex)).toEqual(["028000000000000000", "02bff0000000000000", "02400fffffffffffff"]);
    expect(["", "a\0b"].map(hex)).toEqual(["030001", "036100ff620001"]);
  });

  test("are there for 256 bytes of text after folding, and no more", () => {
    const length = (of: string, folded: boolean) => {
      const form = indexValue(encoded(of), folded);
      return typeof form === "string" ? form : form.length;
    };
    expect([length("é".repeat(128), false), length("é".repeat(128), true)]).toEqual([259, 259]);
    expect([length(`${"é".repeat(128)}x`, false), length(`${"é".repeat(128)}x`, true)]).toEqual([
      "too-long",
      "too-long",
    ]);
    // ẞ takes three bytes, and ss two; ŉ two, and ʼn three; the sign of Kelvin three, and k one.
    expect([length("ẞ".repeat(128), false), length("ẞ".repeat(128), true)]).toEqual(["too-long", 259]);
    expect([length("ŉ".repeat(100), false), length("ŉ".repeat(100), true)]).toEqual([203, "too-long"]);
    expect([length("\u212a".repeat(256), false), length("\u212a".repeat(256), true)]).toEqual(["too-long", 259]);
    expect(length("\0".repeat(256), false)).toBe(2 * 256 + 3);
    expect(length("x".repeat(60_000), true)).toBe("too-long");
  });

  test.each([[null], [[]], [{}], [["a"]], [{ a: 1 }]])("are not there for %j", (of) => {
    expect(indexValue(encoded(of), true)).toBe("other-kind");
  });
});

test("bytes that are no entry are none", () => {
  const whole = entryOf(7, formOf("a\0b"), userId("u"));
  for (let length = 0; length < whole.length; length++) expect(readEntry(whole.subarray(0, length))).toBeUndefined();
  for (const hex of ["0007", "000700", "000704616263", "0007010175ff", "00070361620075", "0007030001\n"]) {
    expect(readEntry(Buffer.from(hex, "hex")), hex).toBeUndefined();
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      const entry = readEntry(bytes);
      if (entry !== undefined)
        expect(Buffer.concat([bytes.subarray(0, 2), entry.value, Buffer.from(entry.id)])).toEqual(Buffer.from(bytes));
    }),
    runs,
  );
});

test("a range has the entries with its prefix behind its place, and no others", () => {
  const forms = fc.array(fc.tuple(value, id), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(forms, fc.nat(), fc.constantFrom("value", "start", "index"), (users, at, what) => {
      const entries = [1, 2, 3].flatMap((index) => users.map(([of, user]) => entryOf(index, formOf(of), user)));
      const [chosen = "", user = userId("u")] = users[at % users.length] ?? [];
      const isStart = what === "start" && typeof chosen === "string";
      // Without its end.
      const sought = isStart ? formOf(chosen).subarray(0, -2) : formOf(chosen);
      const prefix = entryPrefix(2, what === "index" ? undefined : sought);
      for (const after of [undefined, entryOf(2, formOf(chosen), user)]) {
        const [low, high] = boundsOf({ prefix, after });
        const found = entries.filter((entry) => Buffer.compare(entry, low) > 0 && Buffer.compare(entry, high) < 0);
        const expected = entries.filter(
          (entry) =>
            Buffer.compare(entry.subarray(0, prefix.length), prefix) === 0 &&
            (after === undefined || Buffer.compare(entry, after) > 0),
        );
        expect(found).toEqual(expected);
      }
    }),
    runs,
  );
});

test("a user's values are those of its indexed properties, whatever else it has", () => {
  const names = fc.constantFrom("a", "aa", "b", "é", "z".repeat(128));
  const properties = fc.dictionary(names, fc.oneof(value, fc.constantFrom(null, [], {}, "x".repeat(300))));
  fc.assert(
    fc.property(properties, names, (of, property) => {
      const found = indexedValueOf(canonical(of), { property, folded: true });
      if (of[property] === undefined) expect(found).toBeUndefined();
      else expect(found).toEqual(indexValue(encoded(of[property]), true));
    }),
    { numRuns: repeats(5_000) },
  );
});

test("indexes that are being built have entries, and those that are being dropped have none", () => {
  const index = (number: number, property: string, state: IndexState): Index => ({
    property,
    folded: false,
    number,
    state,
  });
  const indexes = [
    index(4, "a", "ready"),
    index(5, "b", "building"),
    index(3, "a", "dropping"),
    index(6, "c", "ready"),
  ];
  expect(indexedValues(indexes, canonical({ a: 1, b: "x", c: null }))).toEqual([
    { number: 4, value: formOf(1) },
    { number: 5, value: formOf("x") },
  ]);
});
