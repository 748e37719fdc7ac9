/** Serves one layer, and reports what is left in it: `node layer-program.ts own|node`, as a forked process. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { LayerReport } from "./layer-process.ts";
import { startLayer } from "./layers.ts";

const { listener, served } = await startLayer(process.argv[2] === "own" ? "own" : "node");
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
process.on("message", () => {
  // Garbage collection for the report would count.
  const blockedMs = delay.max / 1e6;
  for (let times = 0; times < 3; times++) globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const report: LayerReport = {
    connections: listener.connections,
    exchanges: served.open,
    faults: served.faults.slice(0, 5),
    heapBytes: heapUsed + external,
    residentBytes: rss,
    blockedMs,
  };
  process.send?.(report);
  setImmediate(() => delay.reset());
});
process.on("disconnect", () => process.exit());
process.send?.(listener.port);
