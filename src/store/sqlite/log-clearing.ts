/** When the log beside the database is emptied, so that what has been deleted is not in there for ever. */

/** Without a call for so long, nobody is kept waiting. */
const idleMs = 100;
/** Where calls never cease: they wait for it as they do for the checkpoints that SQLite makes by itself. */
const latestMs = 5_000;
/** After an attempt that another connection was in the way of, as that of a backup is. */
const retryMs = 1_000;

export interface LogClearing {
  /** Says that a call has been answered. */
  called(): void;
  close(): void;
}

/**
 * @param isDue whether there is something in the log that is not to stay
 * @param clear empties the log, and says whether it could
 */
export function createLogClearing(isDue: () => boolean, clear: () => boolean): LogClearing {
  let timer: NodeJS.Timeout | undefined;
  /** By when it is to be done, on `performance.now`'s clock, since it has been due. */
  let latest: number | undefined;
  const attempt = () => {
    latest = undefined;
    if (!clear()) timer = setTimeout(attempt, retryMs).unref();
  };
  return {
    called() {
      if (!isDue()) return;
      const now = performance.now();
      latest ??= now + latestMs;
      clearTimeout(timer);
      timer = setTimeout(attempt, Math.min(idleMs, Math.max(0, latest - now))).unref();
    },
    close() {
      clearTimeout(timer);
    },
  };
}
