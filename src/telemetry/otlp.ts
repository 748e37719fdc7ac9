import { type Meter, metrics, type Tracer, trace } from "@opentelemetry/api";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from "@opentelemetry/semantic-conventions";

const scope = "rollcall";

/** Sends metrics and traces as the standard variables `OTEL_*` say, and reads and writes traces' contexts in headers. */
export function openOtlp(
  env: Readonly<Record<string, string | undefined>>,
  version: string,
): { readonly meter: Meter | undefined; readonly tracer: Tracer | undefined; close(): Promise<void> } {
  // What the variables say of the service comes on top of it.
  const resource = defaultResource().merge(
    resourceFromAttributes({ [ATTR_SERVICE_NAME]: "rollcall", [ATTR_SERVICE_VERSION]: version }),
  );
  const sdk = new NodeSDK({ resource, instrumentations: [], logRecordProcessors: [] });
  sdk.start();
  const isWanted = (variable: string) => env[variable] !== "none";
  return {
    meter: isWanted("OTEL_METRICS_EXPORTER") ? metrics.getMeter(scope, version) : undefined,
    tracer: isWanted("OTEL_TRACES_EXPORTER") ? trace.getTracer(scope, version) : undefined,
    close: () => sdk.shutdown(),
  };
}
