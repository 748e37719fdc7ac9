import { expect, test } from "vitest";
import { createEtagSource } from "../../src/users/etag.ts";

test("a source never repeats an etag, nor do two sources", () => {
  const sources = [createEtagSource(), createEtagSource()];
  const drawn = sources.flatMap((draw) => Array.from({ length: 10_000 }, draw));
  expect(new Set(drawn).size).toBe(20_000);
  for (const etag of drawn) expect(etag).toMatch(/^[\w-]{20}$/);
});

test("an etag is its source's random bytes and how many it has drawn, in base64url", () => {
  const random = Buffer.from("123456789");
  const draw = createEtagSource(() => random);
  for (let drawn = 0; drawn < 10_000; drawn++) {
    const counter = Buffer.alloc(6);
    counter.writeUIntBE(drawn, 0, 6);
    expect(draw()).toBe(Buffer.concat([random, counter]).toString("base64url"));
  }
});
