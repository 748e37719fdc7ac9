import { describe, expect, test } from "vitest";
import { isNonEmptyString, selectProperties } from "../../src/users/struct/entries.ts";
import { canonical, decode } from "../support/struct.ts";

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
