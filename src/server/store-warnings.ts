import { withoutArguments } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { UserStore } from "../users/store.ts";

/** Logs warnings about the store's configuration: each once, and again if it went away and came back. */
export function createStoreWarnings(store: UserStore, logger: Logger): () => Promise<void> {
  let logged: ReadonlySet<string> = new Set();
  return async () => {
    const found = new Set((await store.warnings()).map(withoutArguments));
    for (const warning of found) if (!logged.has(warning)) logger.warn(`the store: ${warning}`);
    logged = found;
  };
}
