/** Decides when the log beside the database is emptied, so that deleted data does not stay in it. */

/** After so long without a call, nobody has to wait for it. */
const idleMs = 100;
/** If calls never pause, they wait for it, as they do for SQLite's own checkpoints. */
const latestMs = 5_000;
/** The pause after an attempt that another connection blocked, such as that of a backup. */
const retryMs = 1_000;

export interface LogClearing {
  /** Must be called after each answered call. */
  called(): void;
  close(): void;
}

/**
 * @param isDue whether the log holds deleted data
 * @param clear empties the log; returns false if it could not
 */
export function createLogClearing(isDue: () => boolean, clear: () => boolean): LogClearing {
  let timer: NodeJS.Timeout | undefined;
  /** The deadline, of `performance.now()`, while it is due. */
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
