import { withoutArguments } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { UserStore } from "../users/store.ts";

/** Logs what is wrong with how the store is set up: each finding once, and again if it went away and came back. */
export function createStoreWarnings(store: UserStore, logger: Logger): () => Promise<void> {
  let told: ReadonlySet<string> = new Set();
  return async () => {
    const found = new Set((await store.warnings()).map(withoutArguments));
    for (const warning of found) if (!told.has(warning)) logger.warn(`the store: ${warning}`);
    told = found;
  };
}
