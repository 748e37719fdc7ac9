import type { StoreMetric } from "./adapter.ts";

/** @param read how many there were since the start */
export function valuesTooLongCounter(read: () => number): StoreMetric {
  const description =
    "Values that writes have changed, or builds of indexes found, and that are too long for their index: nobody is found by them.";
  return { name: "rollcall.indexes.values_too_long", options: { description }, read };
}
