/**
 * Histories of concurrent callers of one user, checked for linearizability. Each write is made on condition of an etag, and
 * sets `count` to one more than it was in the state with that etag, so that every state has its place in one sequence.
 */

/** A state of the user as a caller saw it. */
export interface State {
  readonly etag: string;
  readonly count: number;
  /** The write that made it. */
  readonly by: string;
}

/** Times are of one clock. */
interface Span {
  readonly start: number;
  readonly end: number;
}

export type Operation = Span &
  (
    | { readonly kind: "read"; readonly seen: State }
    /** It was answered with the state that it made. */
    | { readonly kind: "write"; readonly before: State; readonly by: string; readonly made: State }
    /** It was answered that the user has another etag. */
    | { readonly kind: "refused"; readonly before: State; readonly by: string }
    /** Its answer was lost: it was done, or not. */
    | { readonly kind: "lost"; readonly before: State; readonly by: string }
  );

/** What is wrong with a history; nothing where it is linearizable. */
export function flaws(history: readonly Operation[], last: State): string[] {
  const found: string[] = [];
  const seen = [
    last,
    ...history.flatMap((op) => (op.kind === "read" ? [op.seen] : op.kind === "write" ? [op.made] : [])),
  ];
  const byCount = new Map<number, State>();
  const counts = new Map<string, number>();
  for (const state of seen) {
    const other = byCount.get(state.count) ?? state;
    byCount.set(state.count, state);
    if (other.etag !== state.etag || other.by !== state.by) {
      found.push(`two states are number ${state.count}: ${JSON.stringify([other, state])}`);
    }
    for (const key of [`etag ${state.etag}`, `by ${state.by}`]) {
      const count = counts.get(key) ?? state.count;
      counts.set(key, count);
      if (count !== state.count) found.push(`${key} made both number ${count} and number ${state.count}`);
    }
    if (state.count > last.count) found.push(`number ${state.count} was there, and the last is number ${last.count}`);
  }

  const written = new Map<number, string[]>();
  const possible = new Set<number>();
  for (const op of history) {
    if (op.kind === "refused" && counts.has(`by ${op.by}`)) found.push(`${op.by} was refused, and made a state`);
    if (op.kind === "lost") possible.add(op.before.count + 1);
    if (op.kind === "write") {
      const { count, by } = op.made;
      if (count !== op.before.count + 1 || by !== op.by) found.push(`${op.by} was answered with the state of another`);
      written.set(count, [...(written.get(count) ?? []), op.by]);
    }
  }
  for (const [count, writes] of written) {
    if (writes.length > 1) found.push(`${writes.join(" and ")} both succeeded on one etag, as number ${count}`);
  }
  for (let count = 1; count <= last.count; count++) {
    if (!written.has(count) && !possible.has(count)) found.push(`nobody made number ${count}`);
  }
  return [...found, ...outOfTime(history, counts)];
}

/** What contradicts the clock: an operation that began after another's end must see what that one saw, or later. */
function outOfTime(history: readonly Operation[], counts: ReadonlyMap<string, number>): string[] {
  const found: string[] = [];
  const place = (op: Operation): number | undefined => {
    if (op.kind === "read") return op.seen.count;
    return op.kind === "write" ? op.made.count : counts.get(`by ${op.by}`);
  };
  const ended = history
    .filter((op) => op.kind === "read" || op.kind === "write")
    .sort((a, b) => a.end - b.end)
    .map((op) => ({ end: op.end, count: place(op) ?? 0 }));
  const started = [...history].sort((a, b) => a.start - b.start);
  let next = 0;
  let least = 0;
  for (const op of started) {
    for (let before = ended[next]; before !== undefined && before.end < op.start; before = ended[++next]) {
      least = Math.max(least, before.count);
    }
    const count = place(op);
    if (count !== undefined && (op.kind === "read" ? count < least : count <= least)) {
      found.push(`a ${op.kind} of number ${count} began when number ${least} was there already`);
    }
  }
  return found;
}
