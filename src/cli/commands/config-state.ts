/** Prints the configuration of a store. */
import type { Deviation, StoreState } from "../../store/administration.ts";
import { featureNames, features } from "../../users/features.ts";
import type { StoreConfiguration } from "../../users/store-configuration.ts";

/** As JSON; `store_id` and `generation` are null while the store has no configuration. */
export function jsonOfState({ current: { configuration }, madeBy, deviations }: StoreState): string {
  const state = {
    store_id: configuration?.storeId ?? null,
    made_by: madeBy,
    generation: configuration?.generation ?? null,
    features: featureNames.map((name) => ({
      name,
      enabled: isOn(configuration, name),
      summary: features[name].summary,
    })),
    seals: { since: configuration?.seals?.since ?? null, complete: configuration?.seals?.complete ?? false },
    deviations: deviations.map(({ problem, partitions, description }) => ({ problem, partitions, description })),
  };
  return JSON.stringify(state, undefined, 2);
}

/** For people. */
export function linesOfState({ current: { configuration }, madeBy, deviations }: StoreState): string[] {
  const made = `made by     ${madeBy}`;
  if (configuration === undefined) {
    return [
      made,
      "The store has no configuration yet: it gets one from the first server, or when a feature is switched on.",
    ];
  }
  const { storeId, generation } = configuration;
  return [
    `store id    ${storeId}`,
    made,
    `generation  ${generation}`,
    `seals       ${describeSeals(configuration)}`,
    "features",
    ...featureNames.map((name) => `  ${name}: ${isOn(configuration, name) ? "on" : "off"}; ${features[name].summary}`),
    ...deviations.map(lineOf),
  ];
}

function isOn(configuration: StoreConfiguration | undefined, name: (typeof featureNames)[number]): boolean {
  return configuration?.features.includes(name) ?? false;
}

function describeSeals({ seals }: StoreConfiguration): string {
  if (seals === undefined) return "none: no feature is on";
  if (seals.complete) return "every user has one";
  return `users have one that were written since generation ${seals.since}`;
}

function lineOf({ partitions, problem, description }: Deviation): string {
  const which = partitions.length === 1 ? `partition ${partitions[0]}` : `${partitions.length} partitions`;
  return `${which}: ${problem}: ${description}`;
}
