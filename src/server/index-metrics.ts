import type { Metrics } from "../telemetry/metrics.ts";
import type { IndexedProperty, IndexState } from "../users/indexes/indexed-property.ts";
import { type ConfiguredStore, configurationIfKnown, differenceFrom } from "./expected-indexes.ts";

const states: readonly IndexState[] = ["building", "ready", "dropping"];

/** Counts the indexes of the store. @param expected those that `--indexes` names; undefined without the option */
export function measureIndexes(
  metrics: Metrics,
  store: ConfiguredStore,
  expected: readonly IndexedProperty[] | undefined,
): void {
  const description = "Indexes of the store, by their state.";
  metrics.gauge("rollcall.indexes", { description }, () => {
    const indexes = configurationIfKnown(store)?.indexes ?? [];
    return states.map((state) => [
      { "rollcall.state": state },
      indexes.filter((index) => index.state === state).length,
    ]);
  });
  const drift = "Indexes that --indexes names and the store lacks, and those that it has besides.";
  metrics.gauge("rollcall.indexes.drift", { description: drift }, () => {
    const configuration = configurationIfKnown(store);
    if (configuration === undefined || expected === undefined) return [[{}, 0]];
    const { missing, unexpected } = differenceFrom(expected, configuration);
    return [[{}, missing.length + unexpected.length]];
  });
}
