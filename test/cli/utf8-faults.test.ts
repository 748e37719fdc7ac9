import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Utf8Faults } from "../../src/cli/import/rows/utf8-faults.ts";

/** Bytes of which about half are UTF-8, with line ends. */
const lines = fc.array(
  fc.oneof(fc.string({ unit: "grapheme", maxLength: 8 }), fc.uint8Array({ maxLength: 3 })).map((part) => {
    const bytes = typeof part === "string" ? Buffer.from(part.replaceAll("\n", "")) : Buffer.from(part);
    return Buffer.concat([Buffer.from(bytes.filter((byte) => byte !== 0x0a)), Buffer.from("\n")]);
  }),
  { maxLength: 8 },
);

test("the lines that are not UTF-8 are found, however their bytes come", () => {
  fc.assert(
    fc.property(lines, fc.array(fc.nat(60), { maxLength: 10 }), (all, cuts) => {
      const text = Buffer.concat(all);
      const ends = [...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
      const faults = new Utf8Faults();
      for (const [index, end] of ends.entries()) faults.push(text.subarray(ends[index - 1] ?? 0, end));
      faults.end();
      let to = 0;
      const found = all.map((line) => {
        to += line.length;
        return faults.takeBefore(to);
      });
      expect(found).toEqual(all.map((line) => !isUtf8(line)));
    }),
  );
});

test("they are told once, with the record that they belong to, also where the text ends in the middle of a character", () => {
  const faults = new Utf8Faults();
  faults.push(Buffer.concat([Buffer.from("a\n\xff\nb\n", "latin1"), Buffer.from([0xe2, 0x82])]));
  expect(faults.takeBefore(2)).toBe(false);
  expect(faults.takeBefore(6)).toBe(true);
  expect(faults.takeBefore(8)).toBe(false);
  faults.end();
  expect(faults.takeBefore(8)).toBe(true);
});
