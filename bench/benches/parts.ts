/**
 * Measures what each handwritten part saves beside a plain way to do the same: `npm run bench -- parts`. Both ways are
 * measured in turn, several times, in one run. The tables show medians of CPU time, which depends less on what else the
 * machine does than time on the clock.
 */
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { startRedis } from "../../test/support/redis.ts";
import { redisArgs } from "../conditions.ts";
import { measureCalls } from "../parts/call-ways.ts";
import { type Comparison, callsTable, compareWays, partsTable } from "../parts/measure.ts";
import { readingWays, writingWays } from "../parts/message-ways.ts";
import { fastPathsOfScript, packedForm } from "../parts/redis-ways.ts";
import { storeWays } from "../parts/store-ways.ts";
import { structWays } from "../parts/struct-ways.ts";
import { wholeNumber } from "../usage.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "7" } } });
const rounds = wholeNumber("rounds", values.rounds);

const { comparisons, costs } = await measureCalls(rounds);
process.stderr.write("whole calls are measured\n");
const script = await inRedis(fastPathsOfScript);
const packed = await inRedis(packedForm);
process.stderr.write("Redis is measured\n");
const ways = [...structWays(), ...readingWays(), ...writingWays(), ...storeWays()];
// Short beside whole calls, so that there is time for more rounds.
const alone = ways.map((each) => compareWays(each, 2 * rounds + 1));
const lines = [
  `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, median of ${rounds} rounds, load ${loadavg()[0]?.toFixed(0)}`,
  "",
  ...callsTable([...comparisons, ...script]),
  "",
  ...partsTable([...packed, ...alone], costs),
  "",
  "| whole call | µs |",
  "|---|--:|",
  ...Array.from(costs, ([call, micros]) => `| ${call} | ${micros.toFixed(1)} |`),
];
console.log(lines.join("\n"));

async function inRedis(measure: (redis: Redis, rounds: number) => Promise<Comparison[]>): Promise<Comparison[]> {
  const redis = await startRedis({ args: redisArgs });
  const client = new Redis(redis.url);
  try {
    return await measure(client, rounds);
  } finally {
    client.disconnect();
    await redis.stop();
  }
}
