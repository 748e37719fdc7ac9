/** What `rollcall verify` says of a user's entries in indexes. */
import { describe, expect, test } from "vitest";
import { problemOfEntries } from "../../src/store/verify/entry-rule.ts";
import { entryPrefix } from "../../src/users/indexes/entries.ts";
import { boolValue, textValue } from "../../src/users/indexes/index-value.ts";
import type { Index, IndexState } from "../../src/users/indexes/indexed-property.ts";
import { canonical } from "../support/struct.ts";

function entry(number: number, text: string): Uint8Array {
  const value = textValue(text, false);
  return entryPrefix(number, value === "too-long" ? boolValue(true) : value);
}

const index = (number: number, property: string, state: IndexState): Index => ({
  number,
  property,
  state,
  folded: false,
});
const properties = canonical({ email: "a", plan: "pro" });
const mine = entry(1, "a");
const old = entry(1, "b");

describe.each([
  ["ready", "has no entry in the index of email", "has an entry in the index of email that is not its value"],
  ["building", undefined, "has an entry in the index of email that is not its value"],
  ["dropping", undefined, undefined],
] as const)("an index that is %s", (state, lacks, differs) => {
  const indexes = [index(1, "email", state)];

  test("may have the user's entry, and says what is wrong with any other", () => {
    expect(problemOfEntries(indexes, properties, [mine])).toBeUndefined();
    expect(problemOfEntries(indexes, properties, [])).toBe(lacks);
    expect(problemOfEntries(indexes, properties, [old])).toBe(differs);
    expect(problemOfEntries(indexes, properties, [old, mine])).toBe(differs);
  });

  test("has no entry of a user without a value that can be indexed", () => {
    const without = canonical({ email: ["a"] });
    expect(problemOfEntries(indexes, without, [])).toBeUndefined();
    expect(problemOfEntries(indexes, without, [mine])).toBe(differs);
  });
});

test("an index that does not exist has no entries", () => {
  const indexes = [index(2, "email", "ready")];
  expect(problemOfEntries(indexes, properties, [entry(2, "a"), mine])).toBe(
    "has an entry in an index that does not exist (number 1)",
  );
});
