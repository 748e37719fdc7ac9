import { expect, test } from "vitest";
import { createEtagSource } from "../../src/users/etag.ts";

test("a source never repeats an etag, nor do two sources", () => {
  const sources = [createEtagSource(), createEtagSource()];
  const drawn = sources.flatMap((draw) => Array.from({ length: 10_000 }, draw));
  expect(new Set(drawn).size).toBe(20_000);
  for (const etag of drawn) expect(etag).toMatch(/^[\w-]{20}$/);
});
