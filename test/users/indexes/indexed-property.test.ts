import { expect, test } from "vitest";
import { formatIndexedProperties, parseIndexedProperties } from "../../../src/users/indexes/indexed-property.ts";

test.each([
  ["", []],
  ["email:fold", [{ property: "email", folded: true }]],
  [
    " email:fold , phone,a b,é.ü:fold",
    [
      { property: "email", folded: true },
      { property: "phone", folded: false },
      { property: "a b", folded: false },
      { property: "é.ü", folded: true },
    ],
  ],
])("%j names indexed properties", (text, expected) => {
  const indexed = parseIndexedProperties(text);
  expect(indexed).toEqual(expected);
  expect(parseIndexedProperties(formatIndexedProperties(indexed))).toEqual(expected);
});

test.each([
  [",", "has an empty name"],
  ["email,,phone", "has an empty name"],
  [":fold", "has an empty name"],
  ["email:", "neither NAME nor NAME:fold"],
  ["email:FOLD", "neither NAME nor NAME:fold"],
  ["a:b:fold", "neither NAME nor NAME:fold"],
  ["email,phone,email:fold", "names the property email twice"],
  ["é".repeat(65), "has a name of more than 128 bytes"],
  ["a,b,c,d,e,f,g,h,i", "names 9 properties; at most 8 can be indexed"],
])("%j is refused: %s", (text, message) => {
  expect(() => parseIndexedProperties(text)).toThrow(message);
});
