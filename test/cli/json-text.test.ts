import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  memberOf,
  membersOf,
  objectText,
  onOneLine,
  partsOf,
  repeatedName,
} from "../../src/cli/import/rows/json-text.ts";

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

describe("a name that is repeated", () => {
  const found = (text: string) => repeatedName(text, JSON.parse(text));

  test.for([
    ['{"id":"a","id":"b"}', "id"],
    ['{ "id" : "a" , "b" : 1, "id"\t: "b" }', "id"],
    ['{"id":"a","id" :"b"}', "id"],
    ['{"id":":a","id" :"b"}', "id"],
    ['{"a":{"b c":[0,{"x":1,"y":{},"x":2}]}}', 'a["b c"][1].x'],
    [String.raw`{"a":1,"\u0061":2}`, "a"],
    [String.raw`{"\\":1,"\"":2,"\\":3}`, String.raw`["\\"]`],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
    ['[{"a":1},{"a":1,"a":1}]', "[1].a"],
    [`{"a":${"[".repeat(5_000)}{"b":1,"b":2}${"]".repeat(5_000)}}`, expect.stringMatching(/^a(\[0\])+…$/)],
  ] as const)("is found in %s", ([text, path]) => {
    expect(found(text)).toEqual(path);
  });

  test.for([
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
    '{"time":"12:00:00","url":"http://a","s":":","q":"\\":"}',
    '{"a" : ":", "b":"a", "c":[["a","a"],"a"]}',
    `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    "1",
  ])("is not found where each stands once in its object", (text) => {
    expect(found(text)).toBeUndefined();
  });

  test("is found wherever it is, and nowhere else", () => {
    const names = fc.constantFrom("a", "b", ":", '"', '":', "\\", " :", "__proto__", "\ud800");
    const { value } = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        names.map((text) => JSON.stringify(text)),
        fc.constant("1"),
        tie("list"),
        tie("object"),
      ),
      list: fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(" ,")}]`),
      object: fc
        .array(fc.tuple(names, fc.constantFrom(":", " : ", "\t:"), tie("value")), { maxLength: 3 })
        .map((members) => `{${members.map(([name, colon, part]) => JSON.stringify(name) + colon + part).join(",")}}`),
    }));
    const repeats = (text: string): boolean => {
      if (text.startsWith("[")) return partsOf(text).some(repeats);
      if (!text.startsWith("{")) return false;
      const members = membersOf(text);
      return new Set(members.map(([name]) => name)).size < members.length || members.some(([, part]) => repeats(part));
    };
    fc.assert(
      fc.property(value, (text) => {
        expect(found(text) !== undefined).toBe(repeats(text));
      }),
      { numRuns: 2_000 },
    );
  });
});
