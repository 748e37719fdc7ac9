/** Prints the configuration of a store. */
import type { Deviation, StoreState } from "../../store/administration.ts";
import { featureNames, features } from "../../users/features.ts";
import { formatIndexedProperties, type Index } from "../../users/indexes/indexed-property.ts";
import type { Progress } from "../../users/store.ts";
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
    indexes: indexesOf(configuration),
    seals: { since: configuration?.seals?.since ?? null, complete: configuration?.seals?.complete ?? false },
    deviations: deviationsOf(deviations),
  };
  return JSON.stringify(state, undefined, 2);
}

/** The indexes alone. @param progress of the work on them; undefined if it is not known */
export function jsonOfIndexes({ current, deviations }: StoreState, progress: Progress | undefined): string {
  const { configuration } = current;
  const state = {
    generation: configuration?.generation ?? null,
    indexes: indexesOf(configuration).map((index) =>
      index.state === "ready"
        ? index
        : { ...index, users_done: progress?.done ?? null, users_total: progress?.total ?? null },
    ),
    deviations: deviationsOf(deviations),
  };
  return JSON.stringify(state, undefined, 2);
}

function indexesOf(configuration: StoreConfiguration | undefined) {
  const indexes = configuration?.indexes ?? [];
  return indexes.map(({ property, folded, number, state }) => ({ property, folded, number, state }));
}

function deviationsOf(deviations: readonly Deviation[]) {
  return deviations.map(({ problem, partitions, description }) => ({ problem, partitions, description }));
}

/** For people. */
export function linesOfState({ current: { configuration }, madeBy, deviations }: StoreState): string[] {
  const made = `made by     ${madeBy}`;
  if (configuration === undefined) {
    return [
      made,
      "The store has no configuration yet: it gets one from the first server, or with its first feature or index.",
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
    ...(configuration.indexes.length === 0 ? [] : ["indexes"]),
    ...configuration.indexes.map((index) => `  ${lineOfIndex(index)}`),
    ...deviations.map(lineOf),
  ];
}

/** The indexes alone, for people. @param progress as for `jsonOfIndexes` */
export function linesOfIndexes({ current, deviations }: StoreState, progress: Progress | undefined): string[] {
  const indexes = current.configuration?.indexes ?? [];
  const lines = indexes.map((index) => lineOfIndex(index, progress));
  return [...(lines.length === 0 ? ["The store has no indexes."] : lines), ...deviations.map(lineOf)];
}

function lineOfIndex(index: Index, progress?: Progress): string {
  const { number, state } = index;
  const work = { building: "being built", dropping: "being dropped", ready: "ready" }[state];
  const done = state === "ready" || progress === undefined ? "" : `: ${progress.done} of ${progress.total} users`;
  return `${formatIndexedProperties([index])}: ${work}${done}; number ${number}`;
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
