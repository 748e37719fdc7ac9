/** Metrics to be scraped, and metrics and traces that are sent to a collector. */
import type { Meter, Tracer } from "@opentelemetry/api";
import type { Logger } from "./logger.ts";
import type { PulledMetrics } from "./prometheus.ts";

export interface Telemetry {
  /** Empty if metrics are neither scraped nor sent. */
  readonly meters: readonly Meter[];
  readonly tracer: Tracer | undefined;
  /** Collects all metrics; undefined if they are not scraped. */
  readonly pull: (() => Promise<PulledMetrics>) | undefined;
  /** Sends what is left. */
  close(): Promise<void>;
}

export const noTelemetry: Telemetry = { meters: [], tracer: undefined, pull: undefined, close: async () => {} };

export async function openTelemetry(options: {
  readonly pulled: boolean;
  /** `process.env`, which OpenTelemetry's SDK reads too. */
  readonly env: Record<string, string | undefined>;
  /** The version of this program. */
  readonly version: string;
  /** Gets warnings about sending. */
  readonly logger: Logger;
}): Promise<Telemetry> {
  const { pulled, env, version, logger } = options;
  trimVariables(env);
  // Loaded only if used.
  const pull = pulled ? (await import("./prometheus.ts")).openPulledMetrics() : undefined;
  const push = isPushConfigured(env) ? (await import("./otlp.ts")).openOtlp(env, version, logger) : undefined;
  return {
    meters: [pull?.meter, push?.meter].filter((meter) => meter !== undefined),
    tracer: push?.tracer,
    pull: pull?.collect,
    async close() {
      await Promise.all([pull?.close(), push?.close()]);
    },
  };
}

/** Values from files often end in a line break, which the SDK would take as part of the value. */
function trimVariables(env: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith("OTEL_") && value !== undefined) env[name] = value.trim();
  }
}

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
function isPushConfigured(env: Readonly<Record<string, string | undefined>>): boolean {
  if (env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return false;
  return Object.entries(env).some(
    ([name, value]) =>
      value !== undefined &&
      value !== "" &&
      /^OTEL_(EXPORTER_OTLP_([A-Z]+_)?ENDPOINT|TRACES_EXPORTER|METRICS_EXPORTER)$/.test(name),
  );
}
