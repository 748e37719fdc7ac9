import { describeFailure, withoutArguments } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import { UnknownFeaturesError } from "../users/features.ts";
import type { UserStore } from "../users/store.ts";

/** A check takes a moment, too. */
const checkIntervalMs = 800;
/** The most reasons to log for one outage. */
const maxReasons = 10;

/**
 * Checks the store at least once a second:
 *
 *     not ready: unavailable <-> ready: available for all users <-> ready: available for some users
 *
 * A store with unknown features is unavailable too. At the first check it is refused, because only another version can serve it.
 */
export interface Readiness {
  stop(): void;
}

/**
 * @param onChange called with the first result and with every change
 * @returns after the first check
 * @throws UnknownFeaturesError at the first check
 */
export async function watchReadiness(
  store: UserStore,
  logger: Logger,
  onChange: (ready: boolean) => void,
): Promise<Readiness> {
  let ready: boolean | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  /** Logged reasons of the current outage: the first one found may follow from the actual cause. */
  const logged = new Set<string>();
  /** Logged reasons why some users cannot be served. */
  const loggedOfSome = new Set<string>();

  const setReady = (now: boolean) => {
    if (now === ready) return;
    if (now && ready === false) logger.info("the store is available again");
    ready = now;
    onChange(now);
  };
  const available = (reasons: readonly string[]) => {
    if (stopped) return;
    logged.clear();
    setReady(true);
    for (const reason of reasons.map(withoutArguments)) {
      if (isNew(loggedOfSome, reason)) logger.warn({ reason }, "some of the users cannot be served; trying again");
    }
    if (reasons.length > 0 || loggedOfSome.size === 0) return;
    loggedOfSome.clear();
    logger.info("all users can be served again");
  };
  const unavailable = (failure: unknown) => {
    if (stopped) return;
    const described = describeFailure(failure);
    if (isNew(logged, described.reason)) logger.error(described, "the store is not available; trying again");
    setReady(false);
  };
  const next = () => {
    if (!stopped) timer = setTimeout(check, checkIntervalMs).unref();
  };
  const check = () => store.check().then(available, unavailable).then(next);

  await store.check().then(available, (failure: unknown) => {
    if (failure instanceof Error && failure.cause instanceof UnknownFeaturesError) throw failure.cause;
    unavailable(failure);
  });
  next();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Whether to log a reason: each once, and not more than `maxReasons`. Remembers it. */
function isNew(logged: Set<string>, reason: string): boolean {
  if (logged.has(reason) || logged.size >= maxReasons) return false;
  logged.add(reason);
  return true;
}
