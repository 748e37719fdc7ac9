import { TracerProvider } from "@opentelemetry/sdk-trace";
import { formatMetrics, openPulledMetrics } from "../../src/telemetry/prometheus.ts";
import type { Telemetry } from "../../src/telemetry/telemetry.ts";

/** Metrics and traces that go nowhere but to `told`, as text: each span when it ends, the metrics in the end. */
export function openHeardTelemetry(told: (text: string) => void): Telemetry {
  const pulled = openPulledMetrics();
  const provider = new TracerProvider({
    spanProcessors: [
      {
        onStart() {},
        onEnd({ name, attributes, status, events, links }) {
          told(`${JSON.stringify({ name, attributes, status, events, links })}\n`);
        },
        async forceFlush() {},
        async shutdown() {},
      },
    ],
  });
  return {
    meters: [pulled.meter],
    tracer: provider.getTracer("rollcall"),
    pull: pulled.collect,
    async close() {
      told(formatMetrics(new Map([["", await pulled.collect()]])));
      await pulled.close();
      await provider.shutdown();
    },
  };
}
