import { Sweeper, type SweptStore } from "../store/sweeper.ts";
import { describeFailure } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { UserError } from "../users/errors.ts";

/** How often progress is logged, at most. */
const logEveryMs = 10_000;
/** All work that stores have, so that each is counted from 0 on. */
const works = ["seal", "unseal", "check", "tombstones"] as const;
/** Work that is done again and again, and that nobody waits for. */
const routine: ReadonlySet<string> = new Set(["tombstones", "check"]);
/** The most reasons of failures to log as warnings. */
const maxReasons = 10;

/** Starts a store's background work, and tells of its progress. @returns undefined if the store has none */
export function startSweeper(
  store: SweptStore | undefined,
  logger: Logger,
  metrics: Metrics | undefined,
): Sweeper | undefined {
  if (store === undefined) return undefined;
  let items = 0;
  let share = 0;
  let loggedAt = Number.NEGATIVE_INFINITY;
  const reasons = new Set<string>();
  for (const work of works) metrics?.sweptItems(work, 0);
  metrics?.gauge(
    "rollcall.sweep.progress",
    { description: "Share of the current pass of background work that is done.", unit: "1" },
    () => [[{}, share]],
  );
  return new Sweeper(store, {
    onSlice(slice, shareNow) {
      items += slice.items;
      share = shareNow;
      const { work } = slice;
      if (work !== undefined) metrics?.sweptItems(work, slice.items);
      if (work === undefined || (performance.now() - loggedAt < logEveryMs && share < 1)) return;
      loggedAt = performance.now();
      const level = routine.has(work) ? "debug" : "info";
      logger[level]({ work, items, percent: Math.floor(share * 100) }, "background work goes on");
    },
    onFailure(failure) {
      const described = describeFailure(failure);
      const isNew = reasons.size < maxReasons && !reasons.has(described.reason);
      if (isNew) reasons.add(described.reason);
      // A server of the store that is away is logged elsewhere.
      const isAway = failure instanceof UserError && failure.reason === "STORE_UNAVAILABLE";
      logger[isNew && !isAway ? "warn" : "debug"](described, "background work has to wait");
    },
  });
}
