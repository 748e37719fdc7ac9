import type { StoreMetric } from "./adapter.ts";

/** @param read how many there were since the start */
export function valuesTooLongCounter(read: () => number): StoreMetric {
  const description = "Values that were written and are too long for their index, so that nobody can be found by them.";
  return { name: "rollcall.indexes.values_too_long", options: { description }, read };
}
