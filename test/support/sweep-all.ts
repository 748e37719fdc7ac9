import type { StoreAdapter } from "../../src/store/adapter.ts";

/** Does all background work that a store has. */
export async function sweepAll({ sweep }: StoreAdapter): Promise<void> {
  if (sweep === undefined) return;
  for (let partition = 0; partition < sweep.partitions; partition++) {
    while (!(await sweep.sweep(partition)).isDone);
  }
  await sweep.onAllDone();
}

/** How many broken seals an adapter has found. */
export function brokenSealsIn({ counters = [] }: StoreAdapter): number {
  return counters.reduce((sum, { read }) => sum + read(), 0);
}
