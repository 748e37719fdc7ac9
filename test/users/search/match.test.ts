/** What FindUsers and CountUsers are asked for, and which of it no index can answer. */
import type { JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { entryPrefix } from "../../../src/users/indexes/entries.ts";
import { indexValue, textStart } from "../../../src/users/indexes/index-value.ts";
import type { Index, IndexState } from "../../../src/users/indexes/indexed-property.ts";
import { allValid, Invalid } from "../../../src/users/parsed.ts";
import { type MatchInput, parseMatch, resolveMatch } from "../../../src/users/search/match.ts";
import { valueBytes } from "../../support/struct.ts";

const index = (property: string, number: number, state: IndexState = "ready", folded = false): Index => ({
  ...{ property, folded, number, state },
});
const indexes = [
  index("email", 3, "ready", true),
  index("plan", 1),
  index("phone", 2, "building"),
  index("old", 4, "dropping"),
];

const bytes = (value: JsonValue) => Buffer.from(valueBytes(value), "hex");
const nothing = { equals: [] };
const match = (property: string, condition: Partial<MatchInput>): MatchInput => ({
  ...{ property: Buffer.from(property), ...nothing, ...condition },
});
const equals = (value: JsonValue) => ({ equals: [bytes(value)] });
const startsWith = (text: string) => ({ startsWith: Buffer.from(text) });

function resolved(input: MatchInput | undefined) {
  const parsed = parseMatch(input);
  return parsed instanceof Invalid ? parsed : resolveMatch(parsed, indexes);
}
function prefixOf(input: MatchInput): Uint8Array {
  const [found] = allValid(resolved(input));
  return found.prefix;
}

test("a match is looked for in the index of its property", () => {
  expect(prefixOf(match("plan", equals("pro")))).toEqual(entryPrefix(1, formOf("pro", false)));
  expect(prefixOf(match("plan", equals(true)))).toEqual(entryPrefix(1, formOf(true, false)));
  expect(prefixOf(match("email", equals("ADA@example.com")))).toEqual(entryPrefix(3, formOf("ada@example.com", true)));
  expect(prefixOf(match("email", startsWith("ADA")))).toEqual(entryPrefix(3, startOf("ada")));
  expect(prefixOf(match("email", { present: true }))).toEqual(entryPrefix(3));
  expect(resolved(match("phone", equals(1)))).toMatchObject({ index: { state: "building" } });
});

function formOf(value: JsonValue, folded: boolean): Uint8Array {
  const form = indexValue(bytes(value), folded);
  return typeof form === "string" ? expect.fail(form) : form;
}
function startOf(text: string): Uint8Array {
  const start = textStart(text, false);
  return typeof start === "string" ? expect.fail(start) : start;
}

test("a value in any of protobuf's encodings is the same", () => {
  const expected = prefixOf(match("plan", equals("pro")));
  const [tag, length, ...text] = bytes("pro");
  const pieces = [
    [bytes(1), bytes("pro")],
    // An unknown field, and a length of two bytes.
    [Buffer.of(0x78, 1, tag ?? 0, (length ?? 0) | 0x80, 0, ...text)],
    [bytes("pro"), Buffer.of(0x78, 1)],
  ];
  for (const equals of pieces) expect(prefixOf(match("plan", { equals }))).toEqual(expected);
});

const long = "x".repeat(257);
test.each([
  ["no match", undefined, "match", "is required"],
  ["no property", match("", equals(1)), "match.property", "is required"],
  ["a property that is not UTF-8", { property: Buffer.of(0xff), ...equals(1) }, "match.property", "is not valid UTF-8"],
  ["no condition", match("plan", {}), "match", "has no condition"],
  ["two conditions", match("plan", { ...equals(1), present: true }), "match", "has 2 conditions"],
  ["three conditions", match("plan", { ...equals(1), present: false, ...startsWith("") }), "match", "has 3 conditions"],
  ["null", match("plan", equals(null)), "match.equals", "is no text, number or bool"],
  ["an object", match("plan", equals({})), "match.equals", "is no text, number or bool"],
  ["a list", match("plan", equals(["pro"])), "match.equals", "is no text, number or bool"],
  ["a value without a kind", match("plan", { equals: [Buffer.of()] }), "match.equals", "is no value"],
  ["bytes that are no value", match("plan", { equals: [Buffer.of(0xff)] }), "match.equals", "is no value"],
  ["NaN", match("plan", { equals: [Buffer.from("11000000000000f87f", "hex")] }), "match.equals", "is no value"],
  ["text that is not UTF-8", match("plan", { equals: [Buffer.of(0x1a, 1, 0xff)] }), "match.equals", "is no value"],
  ["257 bytes", match("plan", equals(long)), "match.equals", "takes more than 256 bytes: no index"],
  [
    "257 bytes in a folding index",
    match("email", equals(long)),
    "match.equals",
    "more than 256 bytes once it is folded",
  ],
  ["no beginning", match("plan", startsWith("")), "match.starts_with", "is shorter than 2 characters"],
  ["one character", match("plan", startsWith("𝄞")), "match.starts_with", "is shorter than 2 characters"],
  ["a beginning of 257 bytes", match("plan", startsWith(long)), "match.starts_with", "takes more than 256 bytes"],
  [
    "a beginning that is not UTF-8",
    match("plan", { startsWith: Buffer.from("ab\xff", "latin1") }),
    "match.starts_with",
    "is not valid UTF-8",
  ],
  ["users without a value", match("plan", { present: false }), "match.present", "with ListUsers"],
])("%s is refused by the name of the field", (_, input, field, description) => {
  const found = resolved(input);
  if (!(found instanceof Invalid)) expect.fail("it is a match");
  expect(found.violations).toMatchObject([{ field, reason: "INVALID_MATCH" }]);
  expect(found.violations[0]?.description).toContain(description);
});

test("values up to 256 bytes and beginnings of two characters can be looked for", () => {
  expect(prefixOf(match("plan", equals("x".repeat(256))))).toHaveLength(2 + 1 + 256 + 2);
  expect(prefixOf(match("plan", startsWith("é𝄞")))).toHaveLength(2 + 1 + 6);
  expect(prefixOf(match("plan", startsWith("𝄞𝄞")))).toHaveLength(2 + 1 + 8);
  expect(prefixOf(match("plan", startsWith("\0\0")))).toHaveLength(2 + 1 + 4);
});

test.each(["name", "Email", "old"])("%s has no index, and the error names those that have one", (property) => {
  expect(() => resolved(match(property, equals(1)))).toThrow(
    expect.objectContaining({ reason: "PROPERTY_NOT_INDEXED", metadata: { indexed: "email,plan,phone" } }),
  );
});

test("what is wrong whatever the index is said before the index is looked for", () => {
  for (const input of [
    match("name", equals(null)),
    match("name", { present: false }),
    match("name", startsWith("a")),
  ]) {
    expect(parseMatch(input)).toBeInstanceOf(Invalid);
  }
});

test("no description repeats what was looked for", () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 1 }).map((value) => value as JsonValue),
      fc.string({ maxLength: 300 }),
      (value, secret) => {
        const marked = `secret ${secret}`;
        for (const input of [match("plan", equals([value, marked])), match("email", startsWith(marked.repeat(40)))]) {
          const found = resolved(input);
          if (found instanceof Invalid) expect(JSON.stringify(found.violations)).not.toContain("secret");
        }
      },
    ),
  );
});
