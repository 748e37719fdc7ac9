import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { listenTo } from "./personal-data.ts";

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

/** What a collector is sent as OTLP in JSON: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export interface OtlpSink {
  /** The variables that make a process send to it. */
  readonly env: Readonly<Record<string, string>>;
  readonly spans: () => readonly Span[];
  readonly metricNames: () => ReadonlySet<string>;
  /** All that has come, as it came. */
  readonly text: () => string;
  stop(): void;
}

export async function startOtlpSink(): Promise<OtlpSink> {
  const traces: string[] = [];
  const metrics: string[] = [];
  const told = listenTo("a collector");
  const server = createServer(async (request, response) => {
    const body = (await request.setEncoding("utf8").toArray()).join("");
    told(`${body}\n`);
    (request.url === "/v1/traces" ? traces : metrics).push(body);
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_METRIC_EXPORT_INTERVAL: "100",
      OTEL_METRIC_EXPORT_TIMEOUT: "100",
    },
    spans: () =>
      traces
        .flatMap((body) => JSON.parse(body).resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans),
    metricNames: () => new Set([...metrics.join("").matchAll(/"name":"([a-z0-9_.]+)"/g)].map(([, name = ""]) => name)),
    text: () => [...traces, ...metrics].join("\n"),
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
