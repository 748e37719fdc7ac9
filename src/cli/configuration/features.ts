/** Decides what `rollcall config enable` and `disable` change. */
import type { StoreState } from "../../store/administration.ts";
import { firstConfiguration, withFeatures } from "../../store/configuration.ts";
import { type Feature, featureNames, features, isFeature } from "../../users/features.ts";
import { CliError } from "../cli-error.ts";
import { type Plan, requireNewServers } from "./change.ts";

interface Described {
  readonly summary: string;
  readonly command?: string;
}

const described: Readonly<Record<Feature, Described>> = features;

/** The features that `rollcall config` switches on and off. */
export const switchedFeatures: readonly Feature[] = featureNames.filter(
  (name) => described[name].command === undefined,
);

/** @throws CliError if there is no such feature, or another command switches it on and off */
export function switchedFeature(name: string): Feature {
  if (!isFeature(name)) {
    const known = featureNames.map((each) => `${each}: ${described[each].summary}`);
    throw new CliError(`there is no feature ${JSON.stringify(name)}; the features are`, 1, known);
  }
  const { command } = described[name];
  if (command === undefined) return name;
  throw new CliError(`${command} switches the feature ${name} on and off: see ${command} --help. Nothing has changed`);
}

/**
 * @param confirmed whether all servers are known to be of a version that knows features
 * @throws CliError if older servers may use the store
 */
export function planFeature(state: StoreState, feature: Feature, enabled: boolean, confirmed: boolean): Plan {
  const { stamp, configuration = firstConfiguration(state.madeBy).configuration } = state.current;
  const others = configuration.features.filter((each) => each !== feature);
  if (configuration.features.includes(feature) === enabled) return { to: { stamp, configuration }, differs: false };
  if (enabled) requireNewServers(state, confirmed, feature);
  return { to: withFeatures(configuration, enabled ? [...others, feature] : others), differs: true };
}
