import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { UserError } from "../../users/errors.ts";
import { findCause, isForbidden, NotSentError, SlotMovingError, UnansweredError } from "./failures.ts";

/** How long a server may be away, or a slot may be moving. */
const patienceMs = 3_000;
const retryPauseMs = 50;

/** For commands that may wait: retries while a server is away or a slot is moving. */
export async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const passes =
        error instanceof NotSentError ||
        error instanceof UnansweredError ||
        error instanceof SlotMovingError ||
        (error instanceof UserError && error.reason === "STORE_UNAVAILABLE");
      if (!passes || findCause(error, isForbidden) !== undefined || performance.now() > giveUpAt) throw error;
    }
    await delay(retryPauseMs);
  }
}
