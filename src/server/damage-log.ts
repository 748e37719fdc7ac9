import type { OnDamaged } from "../store/damaged-records.ts";
import type { Logger } from "../telemetry/logger.ts";
import { onceASecond } from "../telemetry/quiet.ts";

/**
 * Logs damaged records without their ids: at most one line a second for each part, with how many were found since the
 * previous line.
 */
export function createDamageLog(logger: Logger, now?: () => number): OnDamaged {
  const isDue = onceASecond(now);
  const unlogged = new Map<string, number>();
  return (part, count) => {
    const found = (unlogged.get(part) ?? 0) + count;
    unlogged.set(part, found);
    if (!isDue(part)) return;
    logger.error({ part, found }, "records of users cannot be read; rollcall verify names them");
    unlogged.delete(part);
  };
}
