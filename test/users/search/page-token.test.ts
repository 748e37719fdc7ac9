import fc from "fast-check";
import { expect, test } from "vitest";
import { limits } from "../../../src/users/limits.ts";
import { formatPageToken } from "../../../src/users/page-token.ts";
import { Invalid } from "../../../src/users/parsed.ts";
import { formatToken, parseToken, type TokenScope } from "../../../src/users/search/page-token.ts";
import { userId } from "../../support/commands.ts";

const place = fc.uint8Array({ maxLength: 40 });
const scope: fc.Arbitrary<TokenScope> = fc.record({
  method: fc.constantFrom("find", "scan"),
  storeId: fc.constantFrom("a", "b", "a 1", ""),
  search: fc.uint8Array({ maxLength: 4 }),
});
const isSame = (a: TokenScope, b: TokenScope) =>
  a.method === b.method && a.storeId === b.storeId && Buffer.compare(a.search, b.search) === 0;

test("a token gives back its place to the search that it belongs to, and to no other", () => {
  fc.assert(
    fc.property(scope, scope, place, (mine, other, at) => {
      const token = formatToken(mine, at);
      expect(parseToken(mine, token)).toEqual(Buffer.from(at));
      if (!isSame(mine, other)) expect(parseToken(other, token)).toBeInstanceOf(Invalid);
    }),
    { numRuns: 500 },
  );
});

test("what is no token is refused: other text, a token that is cut short, one with another letter", () => {
  const found: TokenScope = { method: "find", storeId: "s", search: Buffer.of(1) };
  expect(parseToken(found, "")).toBeUndefined();
  for (const text of [
    "abc",
    "AQ",
    "ü",
    "AAAAAAAAAAAA",
    `${formatToken(found, Buffer.of(1))}=`,
    "A".repeat(4_000_000),
  ]) {
    expect(parseToken(found, text)).toMatchObject({
      violations: [{ field: "page_token", reason: "INVALID_PAGE_TOKEN" }],
    });
  }
  expect(parseToken({ ...found, method: "scan" }, formatPageToken(userId("u")))).toBeInstanceOf(Invalid);
  const letter = fc.constantFrom(..."ABCxyz019-_");
  fc.assert(
    fc.property(place, fc.nat(), letter, (at, index, other) => {
      const token = formatToken(found, at);
      const position = index % token.length;
      const changed = token.slice(0, position) + other + token.slice(position + 1);
      if (changed !== token) expect(parseToken(found, changed)).toBeInstanceOf(Invalid);
      expect(parseToken(found, token.slice(0, position) || "A")).toBeInstanceOf(Invalid);
    }),
  );
});

test("the longest place fits", () => {
  const longest = Buffer.alloc(1 + 2 * limits.maxIndexedBytes + 2 + limits.maxIdBytes, 7);
  const found: TokenScope = { method: "find", storeId: "s".repeat(20), search: longest };
  expect(parseToken(found, formatToken(found, longest))).toEqual(longest);
});
