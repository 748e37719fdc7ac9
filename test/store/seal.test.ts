/** Seals in Lua and in TypeScript: each is the model of the other. */
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadScript } from "../../src/store/redis/script.ts";
import { rulesOf } from "../../src/store/redis/write-rules.ts";
import { sealOf, stateOfSeal } from "../../src/store/seal.ts";
import { type RedisProcess, startRedis } from "../support/redis.ts";
import { repeats } from "../support/repeats.ts";

const { source } = loadScript("configuration", "seals");
/** What configuration.lua says of a seal; ARGV behind its own: the seal, whether there is one, and the etag. */
const driver = `${source}
local seal = ARGV[4] == '1' and ARGV[3]
return {
  sealOf(ARGV[5]),
  isBroken(seal, ARGV[5]) and 'broken' or isSeal(seal) and unpack('<I4', seal) >= sealedSince and 'whole' or 'missing',
  isSealedLater(seal) and 1 or 0,
}`;

let server: RedisProcess;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const unindexed = { indexes: [], nextIndex: 1, folding: "17.0.0" };
const etag = fc.oneof(fc.constantFrom("a", "ab", "é"), fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }));
const generation = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom(2 ** 31, 2 ** 32 - 1));
const seal = fc.oneof(
  fc.constant(undefined),
  fc.uint8Array({ maxLength: 6 }),
  fc.tuple(generation, etag).map(([under, text]) => sealOf(under, text)),
);

test("Lua and TypeScript seal alike, and find the same seals broken", async () => {
  await fc.assert(
    fc.asyncProperty(
      seal,
      etag,
      generation,
      generation,
      fc.boolean(),
      async (stored, current, now, since, complete) => {
        const seals = { since, complete };
        const configuration = { storeId: "s", madeBy: "0.2.0", generation: now, features: [], seals, ...unindexed };
        const args = [
          rulesOf(configuration).packed,
          Buffer.from(stored ?? []),
          stored === undefined ? "0" : "1",
          current,
        ];
        const answer: unknown = await redis.callBuffer("EVAL", driver, "0", "stamp", ...args);
        const [made, state, isLater] = Array.isArray(answer) ? answer : [];
        expect(made).toEqual(Buffer.from(sealOf(now, current)));
        expect(String(state)).toBe(stateOfSeal(stored, current, seals));
        const under = stored === undefined || stored.length <= 4 ? -1 : Buffer.from(stored).readUInt32LE();
        expect(isLater).toBe(under > now ? 1 : 0);
      },
    ),
    { numRuns: repeats(2_000) },
  );
});

test("without a feature, no seal is broken, and those from before a change are not from after it", async () => {
  for (const [now, isLater] of [
    [0, 1],
    [2, 1],
    [3, 0],
    [4, 0],
  ] as const) {
    const configuration = {
      storeId: "s",
      madeBy: "0.2.0",
      generation: now,
      features: [],
      seals: undefined,
      ...unindexed,
    };
    const args = [rulesOf(configuration).packed, Buffer.from(sealOf(3, "e")), "1", "e"];
    const answer: unknown = await redis.callBuffer("EVAL", driver, "0", "stamp", ...args);
    expect(Array.isArray(answer) && [String(answer[1]), answer[2]], `generation ${now}`).toEqual(["whole", isLater]);
  }
});

test("a caller that knows the store's stamp may write, and no other", async () => {
  const script = `${source}\nlocal refusal = stalenessOf(KEYS[1])\nreturn refusal and refusal.err or 'current'`;
  const ask = (known: string) => redis.eval(script, 1, "configuration", known, "");
  const stamps = ["", "1.a", "1.b", "2.a", "10.a", "\u0000"];
  for (const stored of stamps) {
    await redis.del("configuration");
    if (stored !== "") await redis.hset("configuration", "stamp", stored);
    for (const known of stamps) {
      expect(await ask(known), `${stored} and ${known}`).toMatch(stored === known ? /^current$/ : /^STALE /);
    }
  }
  await redis.del("configuration");
  await redis.set("configuration", "another program's");
  expect(await ask("")).toMatch(/^WRONGTYPE .* overwritten the configuration/);
});
