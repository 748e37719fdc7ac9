import type { Address } from "../../config/address.ts";
import { describeFailure } from "../../telemetry/failure-log.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Watched } from "../../telemetry/metrics-listener.ts";

/** Serves metrics, and answers probes. @throws Error if the address is not free */
export async function openMetrics(address: Address, watched: Watched, logger: Logger): Promise<{ close(): void }> {
  // Loaded only if used.
  const { serveMetrics } = await import("../../telemetry/metrics-listener.ts");
  const onError = (error: unknown) => logger.error(describeFailure(error), "the metrics cannot be collected");
  const served = await serveMetrics(address, watched, onError);
  logger.info({ address: served.address }, "metrics are served");
  return served;
}
