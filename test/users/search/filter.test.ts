/** Which users a scan returns. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { allValid, Invalid } from "../../../src/users/parsed.ts";
import { type FilterInput, parseFilter } from "../../../src/users/search/filter.ts";
import type { StoredUser } from "../../../src/users/store.ts";
import { userId } from "../../support/commands.ts";
import { seededRandom } from "../../support/random.ts";
import { repeats } from "../../support/repeats.ts";
import { canonical, encode, encodeSloppily, valueBytes } from "../../support/struct.ts";

const name = fc.constantFrom("a", "b", "ab", "é", "\0", "z");
const zeros = fc.constantFrom<JsonValue>(
  0,
  -0,
  1,
  [0, "a"],
  [-0, "a"],
  { b: -0 },
  { b: 0 },
  "\0".repeat(8),
  "\0".repeat(9),
);
const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), zeros, fc.constantFrom("1", true, "A", "a", null));
const properties = fc.dictionary(name, value).map((object) => object as JsonObject);

const user = (of: JsonObject, { createdAt = 1, updatedAt = 1 } = {}): StoredUser => ({
  ...{ id: userId("u"), properties: canonical(of), preferences: canonical({}), createdAt, updatedAt, etag: "e" },
});
function wanted(input: FilterInput | undefined, stored: StoredUser): boolean {
  const [filter] = allValid(parseFilter(input));
  return filter(stored);
}
const where = (of: JsonObject): FilterInput => ({ properties: [encode(of)] });

/** JSON's own text makes 0 of -0. */
const comparedBytes = (of: JsonValue) => valueBytes(JSON.parse(JSON.stringify(of)));

test("users that have all properties of the filter are wanted, however the filter is encoded", () => {
  fc.assert(
    fc.property(properties, properties, fc.boolean(), fc.integer(), (stored, more, isPart, seed) => {
      const filter = isPart ? Object.fromEntries(Object.entries(stored).slice(0, 2)) : { ...more };
      const expected = Object.entries(filter).every(
        ([key, each]) => Object.hasOwn(stored, key) && comparedBytes(each) === comparedBytes(stored[key] ?? null),
      );
      expect(wanted(where(filter), user(stored))).toBe(expected);
      const sloppy = { properties: [encodeSloppily(filter, seededRandom(seed))] };
      expect(wanted(sloppy, user(stored))).toBe(expected);
    }),
    { numRuns: repeats(10_000) },
  );
});

test("without conditions, every user is wanted", () => {
  for (const input of [undefined, { properties: [] }, where({})]) expect(wanted(input, user({ a: 1 }))).toBe(true);
});

test("0 is equal to -0, as in an index, also in lists and objects", () => {
  const inside = (zero: number): JsonObject => ({ a: zero, b: [1, zero, { c: zero }], d: "\0\0\0\0\0\0\0\0" });
  expect(wanted(where(inside(0)), user(inside(-0)))).toBe(true);
  expect(wanted(where(inside(-0)), user(inside(0)))).toBe(true);
});

test("other values are compared exactly", () => {
  for (const [sought, stored] of [
    [0, false],
    [-0, 5e-324],
    [5e-324, -5e-324],
    [0, 2 ** -1022],
    ["\0".repeat(8), "\0".repeat(7)],
    ["a", "A"],
    [1, "1"],
    ["é", "e\u0301"],
    [null, false],
  ] as const) {
    expect(wanted(where({ a: sought }), user({ a: stored }))).toBe(false);
    expect(wanted(where({ a: sought }), user({ a: sought }))).toBe(true);
  }
});

test("times are compared by the microsecond, and a user of the same one is not after it", () => {
  const second = 1_000_000;
  const after = (seconds: number, nanos = 0) => ({ seconds: BigInt(seconds), nanos });
  for (const field of ["createdAt", "updatedAt"] as const) {
    const filterField = field === "createdAt" ? "createdAfter" : "updatedAfter";
    const is = (time: ReturnType<typeof after>, at: number) =>
      wanted({ properties: [], [filterField]: time }, user({}, { [field]: at }));
    expect([is(after(5), 5 * second), is(after(5), 5 * second + 1)]).toEqual([false, true]);
    expect([is(after(5, 1_000), 5 * second + 1), is(after(5, 1_999), 5 * second + 1)]).toEqual([false, false]);
    expect([is(after(5, 1_999), 5 * second + 2), is(after(0), 1)]).toEqual([true, true]);
    expect(is(after(253_402_300_799), Number.MAX_SAFE_INTEGER - 1)).toBe(false);
  }
  const both = { properties: [], createdAfter: after(1), updatedAfter: after(2) };
  expect(wanted(both, user({}, { createdAt: second, updatedAt: 3 * second }))).toBe(false);
  expect(wanted(both, user({}, { createdAt: 2 * second, updatedAt: 3 * second }))).toBe(true);
});

test("every offending field is named", () => {
  const early = { seconds: -1n, nanos: 0 };
  const late = { seconds: 253_402_300_800n, nanos: 0 };
  for (const invalid of [early, late, { seconds: 1n, nanos: -1 }, { seconds: 1n, nanos: 1_000_000_000 }]) {
    const found = parseFilter({ properties: [encode({ "": 1 })], updatedAfter: invalid, createdAfter: early });
    if (!(found instanceof Invalid)) expect.fail("it is a filter");
    expect(found.violations).toMatchObject([
      { field: 'where.properties[""]', reason: "INVALID_PROPERTY" },
      { field: "where.updated_after", reason: "INVALID_FILTER" },
      { field: "where.created_after", reason: "INVALID_FILTER", description: "is before 1970" },
    ]);
  }
  const tooMany = Object.fromEntries(Array.from({ length: 513 }, (_, at) => [`p${at}`, at]));
  expect(parseFilter(where(tooMany))).toMatchObject({
    violations: [{ reason: "LIMIT_EXCEEDED", limit: "maxProperties" }],
  });
  expect(parseFilter({ properties: [Buffer.of(0xff)] })).toMatchObject({
    violations: [{ reason: "MALFORMED_REQUEST" }],
  });
});
