import type { OnDamaged } from "../store/damaged-records.ts";
import type { Logger } from "../telemetry/logger.ts";
import { onceASecond } from "../telemetry/quiet.ts";

/**
 * Logs that records of users cannot be read: at most one line a second for each part, with how often that was found since the
 * line before. No id.
 */
export function createDamageLog(logger: Logger, now?: () => number): OnDamaged {
  const isDue = onceASecond(now);
  const untold = new Map<string, number>();
  return (part, count) => {
    const found = (untold.get(part) ?? 0) + count;
    untold.set(part, found);
    if (!isDue(part)) return;
    logger.error({ part, found }, "records of users cannot be read; rollcall verify names them");
    untold.delete(part);
  };
}
