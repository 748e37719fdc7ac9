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
export function brokenSealsIn({ counters }: StoreAdapter): number {
  return counterOf(counters, "rollcall.store.broken_seals");
}

/** How many values it has written that are too long for their indexes. */
export function valuesTooLongIn({ counters }: StoreAdapter): number {
  return counterOf(counters, "rollcall.indexes.values_too_long");
}

function counterOf(counters: StoreAdapter["counters"], wanted: string): number {
  return counters?.find(({ name }) => name === wanted)?.read() ?? 0;
}
