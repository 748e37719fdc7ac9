import type { JsonValue } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { difference, isDefault, valueAt } from "./match.ts";

const absent = undefined;
const own = (text: string): JsonValue => JSON.parse(text);

describe("an answer matches", () => {
  test.each<[string, JsonValue, JsonValue | undefined]>([
    ["fields that are not expected", { a: 1 }, { a: 1, b: 2 }],
    ["nothing expected of an object", {}, { a: 1 }],
    ["nothing expected of an absent object", { a: {} }, {}],
    ["a default for an absent field", { a: 0, b: "", c: false, d: [], e: null, f: "X_UNSPECIFIED" }, {}],
    ["a default for another default", { a: null, b: null, c: 0 }, { a: [], b: "X_UNSPECIFIED", c: false }],
    ["lists item by item", [{ a: 1 }, "x"], [{ a: 1, b: 2 }, "x"]],
    ["equal properties in another order", { properties: { a: 1, b: [{}] } }, own('{"properties":{"b":[{}],"a":1.0}}')],
    ["no properties for absent ones", { properties: {} }, {}],
    ["a key `__proto__`", own('{"properties":{"__proto__":1}}'), own('{"properties":{"__proto__":1}}')],
  ])("%s", (_, expected, actual) => {
    expect(difference(expected, actual)).toBe(undefined);
  });
});

describe("an answer does not match", () => {
  test.each<[string, JsonValue, JsonValue | undefined, string]>([
    ["another value", { a: { b: 1 } }, { a: { b: 2 } }, "a.b: expected 1, got 2"],
    ["another kind", { a: 1 }, { a: "1" }, 'a: expected 1, got "1"'],
    ["a value for an absent field", { a: 1 }, {}, "a: expected 1, got undefined"],
    ["a value for a default", { a: null }, { a: 1 }, "a: expected null, got 1"],
    ["an object for a value", { a: {} }, { a: 1 }, "a: expected {}, got 1"],
    ["a longer list", [{}], [{}, {}], "answer: expected [{}], got [{},{}]"],
    ["another item", { a: ["x", "y"] }, { a: ["x", "z"] }, 'a.1: expected "y", got "z"'],
    ["properties beside", { properties: {} }, { properties: { a: 1 } }, 'properties: expected exactly {}, got {"a":1}'],
    [
      "null in place of nothing",
      { properties: { a: null } },
      absent,
      'properties: expected exactly {"a":null}, got {}',
    ],
    ["a name that objects inherit", { toString: 1 }, {}, "toString: expected 1, got undefined"],
    [
      "a key `__proto__` that is not there",
      own('{"preferences":{"__proto__":1}}'),
      { preferences: {} },
      'preferences: expected exactly {"__proto__":1}, got {}',
    ],
  ])("%s", (_, expected, actual, why) => {
    expect(difference(expected, actual)).toBe(why);
  });
});

test("a path leads through names and positions", () => {
  const answer = [{ users: [{ id: "a" }] }];
  expect(valueAt(answer, "0.users.0.id")).toBe("a");
  expect([valueAt(answer, "0.users.1.id"), valueAt(answer, "toString")]).toEqual([absent, absent]);
  expect([absent, null, "", {}, []].every(isDefault)).toBe(true);
  expect(["a", 1, true, { a: 0 }, [0]].some(isDefault)).toBe(false);
});
