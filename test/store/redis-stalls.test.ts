import { performance } from "node:perf_hooks";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { within } from "../../src/store/redis/servers/within.ts";
import { startRedis } from "../support/redis.ts";

/** Blocks the event loop. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test("an answer that arrived while the event loop was blocked is in time", async () => {
  const server = await startRedis();
  const redis = new Redis(server.url);
  try {
    await redis.ping();
    const answer = within(50, redis.echo("answer"));
    // The command is sent in this turn.
    await new Promise(setImmediate);
    block(200);
    expect(await answer).toBe("answer");
    await expect(within(50, redis.blpop("nothing", "1"))).rejects.toThrow("no answer within 50 ms");
  } finally {
    redis.disconnect();
    await server.stop();
  }
});
