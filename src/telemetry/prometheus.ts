/** Metrics for Prometheus to scrape: https://prometheus.io/docs/instrumenting/exposition_formats/ */
import { createServer } from "node:http";
import type { Attributes, Meter } from "@opentelemetry/api";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { emptyResource } from "@opentelemetry/resources";
import { MeterProvider, MetricReader, type ScopeMetrics } from "@opentelemetry/sdk-metrics";
import type { Address } from "../config/options.ts";

/** All metrics of one process. */
export type PulledMetrics = readonly ScopeMetrics[];

/** Collects when it is asked to. */
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

/** @param byWorker what each worker has; their names become a label. Without workers, the name is empty */
export function formatMetrics(byWorker: ReadonlyMap<string, PulledMetrics>): string {
  const merged = new Map<string, ScopeMetrics["metrics"][number]>();
  for (const [worker, scopes] of byWorker) {
    for (const metric of scopes.flatMap(({ metrics }) => metrics)) {
      const { name } = metric.descriptor;
      const points = metric.dataPoints.map((point) => ({ ...point, attributes: labelled(point.attributes, worker) }));
      const before = merged.get(name)?.dataPoints ?? [];
      merged.set(name, { ...metric, dataPoints: [...before, ...points] } as ScopeMetrics["metrics"][number]);
    }
  }
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  const scopeMetrics = [{ scope: { name: "rollcall" }, metrics: [...merged.values()] }];
  return serializer.serialize({ resource: emptyResource(), scopeMetrics });
}

function labelled(attributes: Attributes, worker: string): Attributes {
  return worker === "" ? attributes : { ...attributes, worker };
}

/**
 * Serves them as `/metrics`.
 *
 * @throws Error that names the address, if it cannot be listened on
 */
export async function serveMetrics(
  { host, port }: Address,
  collect: () => Promise<ReadonlyMap<string, PulledMetrics>>,
  onError: (error: unknown) => void,
): Promise<{ readonly address: Address; close(): void }> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url?.split("?", 1)[0] !== "/metrics") {
      response.writeHead(404, { "content-type": "text/plain" }).end("metrics are at /metrics\n");
      return;
    }
    collect().then(
      (metrics) => {
        response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
        response.end(formatMetrics(metrics));
      },
      (error: unknown) => {
        onError(error);
        response.writeHead(500, { "content-type": "text/plain" }).end("the metrics cannot be collected\n");
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", (error) => reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the metrics are served on no port");
  return {
    address: { host, port: address.port },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
