/**
 * Measures what happens to calls when a server gets more than it can serve: `npm run bench -- overload`. Callers of Identify
 * send at a steady rate, whether or not they are answered, from half of the server's peak to twice the peak.
 */
import { parseArgs } from "node:util";
import { startRedis } from "../../test/support/redis.ts";
import { redisArgs } from "../conditions.ts";
import { LoadProcess } from "../load/load-process.ts";
import { median } from "../median.ts";
import { startRollcall } from "../processes.ts";
import { wholeNumber } from "../usage.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "3" } } });
const runs = wholeNumber("runs", values.runs);
const maxCalls = 64;
const seconds = 2;
const shares = [0.5, 0.9, 1.2, 1.5, 2];

const load = new LoadProcess();
const redis = await startRedis({ args: redisArgs });
const server = await startRollcall(redis.url, ["--max-calls", String(maxCalls)]);
try {
  const calls = {
    kind: "unary",
    method: "Identify",
    port: server.port,
    connections: 8,
    users: 100_000,
    seed: 1,
  } as const;
  const measure = (more: { readonly inFlight: number; readonly perSecond?: number }) =>
    load.run({ ...calls, ...more, warmUpSeconds: 1, seconds }, () => {});
  const rate = ({ calls: count, seconds: took }: { readonly calls: number; readonly seconds: number }) => count / took;
  await measure({ inFlight: 4 });
  console.log("| sent, of the peak | served, of the peak | refused, of what is sent | p50 ms | p99 ms |");
  console.log("|--:|--:|--:|--:|--:|");
  const rows = new Map(shares.map((share) => [share, { served: [], refused: [], p50: [], p99: [] } as Row]));
  for (let run = 0; run < runs; run++) {
    const peak = rate(await measure({ inFlight: 4 }));
    for (const [share, row] of rows) {
      const result = await measure({ inFlight: 0, perSecond: share * peak });
      row.served.push(rate(result) / peak);
      row.refused.push(result.failures / (result.calls + result.failures));
      row.p50.push(result.p50);
      row.p99.push(result.p99);
    }
  }
  for (const [share, { served, refused, p50, p99 }] of rows) {
    const cells = [
      share,
      median(served).toFixed(2),
      median(refused).toFixed(2),
      median(p50).toFixed(1),
      median(p99).toFixed(1),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
} finally {
  await server.stop();
  await redis.stop();
  await load.stop();
}

/** The figures of each run. */
interface Row {
  readonly served: number[];
  readonly refused: number[];
  readonly p50: number[];
  readonly p99: number[];
}
