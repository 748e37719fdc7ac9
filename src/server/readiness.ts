import { describeFailure } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { UserStore } from "../users/store.ts";

const checkIntervalMs = 1_000;

/** Keeps checking the store, and tells when it becomes available or ceases to be. */
export interface Readiness {
  stop(): void;
}

/**
 * @param onChange called with the first finding and with every change
 * @returns once the first finding is there
 */
export async function watchReadiness(
  store: UserStore,
  logger: Logger,
  onChange: (ready: boolean) => void,
): Promise<Readiness> {
  let ready: boolean | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const find = (now: boolean, failure?: unknown) => {
    if (stopped || now === ready) return;
    if (!now) logger.error(describeFailure(failure), "the store is not available; trying again");
    else if (ready === false) logger.info("the store is available again");
    ready = now;
    onChange(now);
  };
  const check = async () => {
    await store.check().then(
      () => find(true),
      (failure: unknown) => find(false, failure),
    );
    if (!stopped) timer = setTimeout(check, checkIntervalMs).unref();
  };

  await check();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
