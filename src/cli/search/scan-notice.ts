/**
 * Says how many users are read, and how long that may take.
 *
 * @param all how many users there are
 * @param lookedAt how many of them the first page has looked at, in `ms` milliseconds
 */
export function scanNotice({ all, lookedAt, ms }: { all: number; lookedAt: number; ms: number }): string {
  const msLeft = lookedAt === 0 ? 0 : (ms * Math.max(all - lookedAt, 0)) / lookedAt;
  const seconds = Math.round(msLeft / 1_000);
  return `reading all ${all} users${seconds > 0 ? `, which may take ${seconds} s` : ""}`;
}
