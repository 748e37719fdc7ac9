/**
 * `rollcall serve --workers 2` with a leader that waits for milliseconds where it waits for seconds otherwise, and cannot
 * start a process any more once its working directory is gone. STOP_TIMEOUT_MS says how long workers may take to stop.
 */
import cluster from "node:cluster";
import { leadWorkers } from "../../src/cli/serve/workers.ts";
import { createLogger } from "../../src/telemetry/logger.ts";

cluster.setupPrimary({
  exec: new URL("../../src/main.ts", import.meta.url).pathname,
  cwd: process.cwd(),
  args: ["serve", "--workers", "2", ...process.argv.slice(2)],
});
await leadWorkers({
  count: 2,
  logger: createLogger("debug"),
  announce: (address) => console.log(`http://${address}`),
  stopTimeoutMs: Number(process.env["STOP_TIMEOUT_MS"] ?? 10_000),
  restartPausesMs: [10, 10, 10],
});
