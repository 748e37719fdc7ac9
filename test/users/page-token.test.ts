import fc from "fast-check";
import { expect, test } from "vitest";
import { formatPageToken, parsePageToken } from "../../src/users/page-token.ts";
import { Invalid } from "../../src/users/parsed.ts";
import { userId } from "../support/commands.ts";

const id = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  .filter((text) => !/\p{Cc}/u.test(text) && text.isWellFormed())
  .map(userId);

test("a page token gives back the id that it was made from", () => {
  fc.assert(
    fc.property(id, (after) => {
      expect(parsePageToken(formatPageToken(after))).toBe(after);
    }),
  );
});

test("what is no page token is refused: other text, a token that is cut short, one with another letter", () => {
  for (const text of ["", "abc", "AQ", "ü", "AAAAAAAAAAAA", `${formatPageToken(userId("u"))}=`]) {
    expect(parsePageToken(text)).toBeInstanceOf(Invalid);
  }
  const changed = fc.record({ after: id, at: fc.nat(), letter: fc.constantFrom(..."ABCxyz019-_") });
  fc.assert(
    fc.property(changed, ({ after, at, letter }) => {
      const token = formatPageToken(after);
      const index = at % token.length;
      const other = token.slice(0, index) + letter + token.slice(index + 1);
      if (other === token) expect(parsePageToken(other)).toBe(after);
      else expect(parsePageToken(other)).toBeInstanceOf(Invalid);
      expect(parsePageToken(token.slice(0, index))).toBeInstanceOf(Invalid);
    }),
  );
});
