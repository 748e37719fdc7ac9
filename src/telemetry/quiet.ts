/** How long repeats of a message are dropped. */
const quietMs = 1_000;
/** Kinds that are remembered for that. */
const maxKinds = 100;

/** @returns whether something of this kind is to be told: at most one each second */
export function onceASecond(now: () => number = () => performance.now()): (kind: string) => boolean {
  const lastTold = new Map<string, number>();
  return (kind) => {
    const last = lastTold.get(kind);
    if (last !== undefined && now() - last < quietMs) return false;
    if (lastTold.size >= maxKinds) lastTold.clear();
    lastTold.set(kind, now());
    return true;
  };
}
