/** JSON is read as JSON.parse reads it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NotJson, parseJson } from "../../src/rpc/messages/json-parser.ts";
import { tokenKinds } from "../../src/rpc/messages/json-tape.ts";
import { damage, damaged, noLimits } from "../support/message-readers.ts";
import { repeats } from "../support/repeats.ts";

const runs = { numRuns: repeats(20_000), seed: Number(process.env["TEST_SEED"] ?? 1) };
const parse = (text: string | Uint8Array) => parseJson(Buffer.from(text), noLimits);

const space = fc.constantFrom("", " ", "\n\t", "\r");
const json = fc.tuple(space, fc.json({ maxDepth: 4 }), space).map((parts) => parts.join(""));

function isJson(text: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
    return true;
  } catch {
    return false;
  }
}

function isRead(text: Uint8Array): boolean {
  try {
    parse(text);
    return true;
  } catch (error) {
    if (error instanceof NotJson) return false;
    throw error;
  }
}

test("JSON is read, and damaged JSON is refused", () => {
  fc.assert(
    fc.property(json, damage, (text, changes) => {
      const bytes = damaged(Buffer.from(text), changes);
      expect(isRead(bytes), Buffer.from(bytes).toString()).toBe(isJson(bytes));
    }),
    runs,
  );
});

describe("a string with escapes", () => {
  const pieces = [
    "a",
    "é",
    "😀",
    "\\n",
    '\\"',
    "\\\\",
    "\\/",
    "\\b",
    "\\f",
    "\\r",
    "\\t",
    "\\u0041",
    "\\u00e9",
    "\\u20AC",
  ];
  const surrogates = ["\\ud83d\\ude00", "\\ud83d", "\\uDE00"];
  const piece = fc.constantFrom(...pieces, ...surrogates);

  test("has the value that JSON.parse reads, or is refused", () => {
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (parts) => {
        const text = `"${parts.join("")}"`;
        const tape = parse(text);
        const value: string = JSON.parse(text);
        expect(tape.string(0)).toBe(value);
        if (!tape.isEscaped(0)) return;
        const bytes = Buffer.alloc(Buffer.byteLength(text));
        const length = tape.unescape(0, bytes);
        expect(length < 0 ? undefined : bytes.toString("utf8", 0, length)).toBe(
          value.isWellFormed() ? value : undefined,
        );
      }),
      runs,
    );
  });
});

test("a number is the one that JSON.parse reads", () => {
  fc.assert(
    fc.property(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger()), (value) => {
      const text = JSON.stringify(value);
      const tape = parse(text);
      expect(tape.kind(0)).toBe(tokenKinds.number);
      expect(tape.number(0)).toBe(JSON.parse(text));
    }),
    runs,
  );
  expect(parse("1e999").number(0)).toBe(Number.POSITIVE_INFINITY);
  expect(parse("-0").number(0)).toBe(-0);
});

test("a text is weighed by its tokens before it is read to its end", () => {
  const weights: number[] = [];
  const weigh = (bytes: number) => {
    weights.push(bytes);
    if (bytes > 40_000) throw new RangeError("too heavy");
  };
  const text = Buffer.from(`[${"[],".repeat(100_000)}0]`);
  expect(() => parseJson(text, { reserve: () => {}, weigh })).toThrow("too heavy");
  expect(Math.max(...weights)).toBeLessThan(80_000);
});
