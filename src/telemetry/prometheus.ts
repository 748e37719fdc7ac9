/** Metrics in the text format of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/ */
import type { Attributes, Meter } from "@opentelemetry/api";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { emptyResource } from "@opentelemetry/resources";
import { MeterProvider, MetricReader, type ScopeMetrics } from "@opentelemetry/sdk-metrics";

/** All metrics of one process. */
export type PulledMetrics = readonly ScopeMetrics[];

type Metric = ScopeMetrics["metrics"][number];

/** Collects on demand. */
class PullReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

export function openPulledMetrics(): {
  readonly meter: Meter;
  collect(): Promise<PulledMetrics>;
  close(): Promise<void>;
} {
  const reader = new PullReader();
  const provider = new MeterProvider({ readers: [reader] });
  return {
    meter: provider.getMeter("rollcall"),
    async collect() {
      const { resourceMetrics, errors } = await reader.collect();
      if (errors.length > 0) throw new AggregateError(errors, "some metrics could not be collected");
      return resourceMetrics.scopeMetrics;
    },
    close: () => provider.shutdown(),
  };
}

/** @param byWorker the metrics of each worker, whose name becomes a label; without workers, one empty name */
export function formatMetrics(byWorker: ReadonlyMap<string, PulledMetrics>): string {
  const merged = new Map<string, Metric>();
  for (const [worker, scopes] of byWorker) {
    for (const metric of scopes.flatMap(({ metrics }) => metrics)) {
      const { name } = metric.descriptor;
      const points = metric.dataPoints.map((point) => ({ ...point, attributes: labelled(point.attributes, worker) }));
      const before = merged.get(name)?.dataPoints ?? [];
      merged.set(name, withPoints(metric, [...before, ...points]));
    }
  }
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  const scopeMetrics = [{ scope: { name: "rollcall" }, metrics: [...merged.values()] }];
  return serializer.serialize({ resource: emptyResource(), scopeMetrics });
}

function withPoints<M extends Metric>(metric: M, dataPoints: Metric["dataPoints"][number][]): M {
  return { ...metric, dataPoints };
}

function labelled(attributes: Attributes, worker: string): Attributes {
  return worker === "" ? attributes : { ...attributes, worker };
}
