/** How long repeated messages are dropped. */
const quietMs = 1_000;
/** The most kinds to remember. */
const maxKinds = 100;

/** @returns a function that says whether to log a message of this kind: at most one a second */
export function onceASecond(now: () => number = () => performance.now()): (kind: string) => boolean {
  const lastLogged = new Map<string, number>();
  return (kind) => {
    const last = lastLogged.get(kind);
    if (last !== undefined && now() - last < quietMs) return false;
    if (lastLogged.size >= maxKinds) lastLogged.clear();
    lastLogged.set(kind, now());
    return true;
  };
}
