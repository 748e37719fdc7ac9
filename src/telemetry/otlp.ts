import { type Meter, metrics, type Tracer, trace } from "@opentelemetry/api";
import {
  defaultResource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from "@opentelemetry/resources";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from "@opentelemetry/semantic-conventions";
import { logDiagnostics } from "./diagnostics.ts";
import type { Logger } from "./logger.ts";

const scope = "rollcall";

/**
 * Sends metrics and traces as the standard variables `OTEL_*` say, and propagates trace contexts in headers.
 *
 * @param logger gets warnings about sending
 */
export function openOtlp(
  env: Readonly<Record<string, string | undefined>>,
  version: string,
  logger: Logger,
): { readonly meter: Meter | undefined; readonly tracer: Tracer | undefined; close(): Promise<void> } {
  const resource = defaultResource().merge(
    resourceFromAttributes({
      [ATTR_SERVICE_NAME]: "rollcall",
      [ATTR_SERVICE_VERSION]: version,
      "process.pid": process.pid,
      "process.runtime.name": "nodejs",
      "process.runtime.version": process.versions.node,
    }),
  );
  // With OTEL_LOG_LEVEL the SDK installs a logger for the console. The second call below replaces it.
  if ((env["OTEL_LOG_LEVEL"] ?? "") === "") logDiagnostics(logger);
  const sdk = new NodeSDK({
    resource,
    // Variables override the resource. The default detectors would reveal the process' arguments, which may hold a
    // password, its user and its machine.
    resourceDetectors: [serviceInstanceIdDetector, resourceAttributesEnvDetector, serviceNameEnvDetector],
    instrumentations: [],
    logRecordProcessors: [],
  });
  logDiagnostics(logger);
  sdk.start();
  const isWanted = (variable: string) => env[variable] !== "none";
  return {
    meter: isWanted("OTEL_METRICS_EXPORTER") ? metrics.getMeter(scope, version) : undefined,
    tracer: isWanted("OTEL_TRACES_EXPORTER") ? trace.getTracer(scope, version) : undefined,
    close: () => sdk.shutdown(),
  };
}
