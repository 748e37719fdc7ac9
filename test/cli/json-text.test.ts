import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memberOf, membersOf, objectText, onOneLine, partsOf } from "../../src/cli/import/json-text.ts";

describe("the parts of JSON text", () => {
  test("are those that JSON.parse reads, however the text is laid out", () => {
    const names = fc.oneof(fc.string(), fc.constantFrom("__proto__", 'a"b', "\\", "{", "\ud800"));
    const json = fc.dictionary(names, fc.jsonValue());
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, "\t"), (object, indent) => {
        const text = onOneLine(JSON.stringify(object, null, indent));
        expect(text).not.toMatch(/[\r\n]/);
        const members = membersOf(text);
        expect(members.map(([name]) => name)).toEqual(Object.keys(object));
        const values = Object.values(object).map((value) => JSON.parse(JSON.stringify(value)));
        expect(members.map(([, value]) => JSON.parse(value))).toEqual(values);
        expect(JSON.parse(objectText(members))).toEqual(JSON.parse(text));
        const list = onOneLine(JSON.stringify(Object.values(object), null, indent));
        expect(partsOf(list).map((part) => JSON.parse(part))).toEqual(values);
      }),
      { numRuns: 300 },
    );
  });

  test("stand there as they were written", () => {
    const text = ' { "a" : 1e400 ,"b":[-0, 12345678901234567890], "a": "\\ud800,}\\"" } ';
    expect(membersOf(text)).toEqual([
      ["a", "1e400"],
      ["b", "[-0, 12345678901234567890]"],
      ["a", '"\\ud800,}\\""'],
    ]);
    expect(memberOf(text, "a")).toBe('"\\ud800,}\\""');
    expect(memberOf(text, "c")).toBeUndefined();
    expect([membersOf(" { } "), partsOf("[ ]")]).toEqual([[], []]);
  });
});
