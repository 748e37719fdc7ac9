/** The limits of searches: what is one beyond them is refused, or ends a page. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, onTestFinished, test } from "vitest";
import { UserError } from "../../src/users/errors.ts";
import type { Index } from "../../src/users/indexes/indexed-property.ts";
import { limits } from "../../src/users/limits.ts";
import { allValid } from "../../src/users/parsed.ts";
import { type MatchInput, parseMatch, resolveMatch } from "../../src/users/search/match.ts";
import { scanUsers } from "../../src/users/search/scan.ts";
import { command } from "../support/commands.ts";
import { openTemporarySqlite } from "../support/stores.ts";

const exact: Index = { property: "email", folded: false, number: 1, state: "ready" };
const folding: Index = { ...exact, folded: true };

/** @returns the reason of the refusal; undefined if an index answers the match */
function refusal(index: Index, condition: Omit<MatchInput, "property">): string | undefined {
  try {
    const [parsed] = allValid(parseMatch({ property: Buffer.from("email"), ...condition }));
    allValid(resolveMatch(parsed, [index]));
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.reason;
    throw error;
  }
}

const equals = (text: string) => {
  const value = create(ValueSchema, { kind: { case: "stringValue", value: text } });
  return { equals: [toBinary(ValueSchema, value)] };
};
const startsWith = (text: string) => ({ equals: [], startsWith: Buffer.from(text) });

describe("text that is looked for", () => {
  const most = "a".repeat(limits.maxIndexedBytes);

  test("has at most as many bytes as an index holds", () => {
    expect(refusal(exact, equals(most))).toBeUndefined();
    expect(refusal(exact, startsWith(most))).toBeUndefined();
    expect(refusal(exact, equals(`${most}a`))).toBe("INVALID_MATCH");
    expect(refusal(exact, startsWith(`${most}a`))).toBe("INVALID_MATCH");
  });

  test("is measured after it has been folded", () => {
    // İ takes two bytes, and its folded form three.
    const grows = "\u0130".repeat(limits.maxIndexedBytes / 2);
    expect(refusal(exact, equals(grows))).toBeUndefined();
    expect(refusal(folding, equals(grows))).toBe("INVALID_MATCH");
    // The Kelvin sign takes three bytes, and its folded form one.
    const shrinks = "\u212a".repeat(limits.maxIndexedBytes);
    expect(refusal(exact, equals(shrinks))).toBe("INVALID_MATCH");
    expect(refusal(folding, equals(shrinks))).toBeUndefined();
  });

  test("begins with at least so many characters", () => {
    expect(refusal(exact, startsWith("ab"))).toBeUndefined();
    expect(refusal(exact, startsWith("\u{1f600}\u{1f600}"))).toBeUndefined();
    expect(refusal(exact, startsWith("a"))).toBe("INVALID_MATCH");
    // One character of two UTF-16 units.
    expect(refusal(exact, startsWith("\u{1f600}"))).toBe("INVALID_MATCH");
    expect(refusal(exact, startsWith(""))).toBe("INVALID_MATCH");
  });
});

test("a page of a scan looks at so many users, or for so long, and the next one goes on", async () => {
  const { store, close } = await openTemporarySqlite();
  onTestFinished(close);
  const count = limits.maxScannedUsers + 1;
  for (let from = 0; from < count; from += 1_000) {
    const users = Array.from({ length: Math.min(1_000, count - from) }, (_, n) => command(`u${from + n}`, { n }));
    await store.write(users);
  }
  const nobody = { properties: [], createdAfter: { seconds: 10n ** 10n, nanos: 0 } };
  const input = { where: nobody, pageSize: 0, onlyProperties: [] };
  const scan = (pageToken: string, now: () => number) => scanUsers(store, { ...input, pageToken }, () => 0, { now });
  const still = () => 0;
  const first = await scan("", still);
  expect(first).toMatchObject({ users: [], lookedAt: limits.maxScannedUsers });
  expect(await scan(first.nextPageToken, still)).toMatchObject({ users: [], lookedAt: 1, nextPageToken: "" });

  let hour = 0;
  const late = await scan("", () => 3_600_000 * hour++);
  expect(late.lookedAt).toBeGreaterThan(0);
  expect(late.lookedAt).toBeLessThan(1_000);
  expect(late.nextPageToken).not.toBe("");
});
