/**
 * Measures the latency of single calls while others import: `npm run bench -- mixed`. One caller sends Identify, one call
 * at a time, beside more and more streams of BatchIdentify that send as fast as they are answered.
 */
import { startRedis } from "../../test/support/redis.ts";
import { redisArgs } from "../conditions.ts";
import { LoadProcess } from "../load/load-process.ts";
import { startRollcall } from "../processes.ts";

const users = 100_000;
const perMessage = 1_000;
const messagesInFlight = 6;
const seconds = 3;
/** The least that the imports last, so that they outlast the calls. */
const importSeconds = 5;

const importing = new LoadProcess();
const calling = new LoadProcess();
const redis = await startRedis({ args: redisArgs });
try {
  const server = await startRollcall(redis.url);
  try {
    const { port } = server;
    const batch = { kind: "batch", port, perMessage, messagesInFlight } as const;
    const unary = { kind: "unary", method: "Identify", port, connections: 1, inFlight: 1, users, seed: 1 } as const;
    const imported = await importing.run({ ...batch, connections: 2, from: 0, to: 2 * users, value: 0 });
    const perSecond = (2 * users) / imported.seconds;
    console.log("| streams that import | users a second | Identify, p50 ms | p99 ms |");
    console.log("|--:|--:|--:|--:|");
    for (const streams of [0, 2, 20]) {
      const to = Math.round(perSecond * importSeconds);
      const imports = streams > 0 && importing.run({ ...batch, connections: streams, from: 0, to, value: streams });
      const { p50, p99 } = await calling.run({ ...unary, warmUpSeconds: 0.5, seconds });
      const rate = imports ? to / (await imports).seconds : 0;
      console.log(`| ${streams} | ${rate.toFixed(0)} | ${p50.toFixed(1)} | ${p99.toFixed(1)} |`);
    }
  } finally {
    await server.stop();
  }
} finally {
  await redis.stop();
  await importing.stop();
  await calling.stop();
}
