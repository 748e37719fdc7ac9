import { describeFailure, withoutArguments } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { UserStore } from "../users/store.ts";

const checkIntervalMs = 1_000;
/** What is logged of one outage at most. */
const maxReasons = 10;

/** Keeps checking the store, and tells when it becomes available, in whole or in part, or ceases to be. */
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

  /** Why the store is away, as the log has it: what is found first may be what follows from the cause. */
  const told = new Set<string>();

  /** Why some users cannot be served while others can, as the log has it. */
  const toldOfSome = new Set<string>();
  const tellOfSome = (reasons: readonly string[]) => {
    if (stopped) return;
    for (const reason of reasons.map(withoutArguments)) {
      if (toldOfSome.has(reason) || toldOfSome.size >= maxReasons) continue;
      toldOfSome.add(reason);
      logger.warn({ reason }, "some of the users cannot be served; trying again");
    }
    if (reasons.length > 0 || toldOfSome.size === 0) return;
    toldOfSome.clear();
    logger.info("all users can be served again");
  };

  const find = (now: boolean, failure?: unknown) => {
    if (stopped) return;
    if (!now) tell(failure);
    if (now === ready) return;
    if (now && ready === false) logger.info("the store is available again");
    if (now) told.clear();
    ready = now;
    onChange(now);
  };
  const tell = (failure: unknown) => {
    const described = describeFailure(failure);
    if (told.has(described.reason) || told.size >= maxReasons) return;
    told.add(described.reason);
    logger.error(described, "the store is not available; trying again");
  };
  const check = async () => {
    await store.check().then(
      (reasons) => {
        find(true);
        tellOfSome(reasons);
      },
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
