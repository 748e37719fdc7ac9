/** Decides what `rollcall config` changes. */
import type { StoreState } from "../../store/administration.ts";
import { firstConfiguration, madeEarlier, type Present, withFeatures } from "../../store/configuration.ts";
import { type Feature, featureNames, features, isFeature } from "../../users/features.ts";
import { CliError } from "../cli-error.ts";

/** The first version that knows features. */
export const firstWithFeatures = "0.2";

export function knownFeature(name: string): Feature {
  if (isFeature(name)) return name;
  const known = featureNames.map((each) => `${each}: ${features[each].summary}`);
  throw new CliError(`there is no feature ${JSON.stringify(name)}; the features are`, 1, known);
}

/**
 * @param confirmed whether all servers are known to be of a version that knows features
 * @returns the configuration that the store should have, and whether that differs from the one that it has
 * @throws CliError if older servers may use the store
 */
export function planChange(
  { current, madeBy }: StoreState,
  feature: Feature,
  enabled: boolean,
  confirmed: boolean,
): { readonly to: Present; readonly differs: boolean } {
  const { stamp } = current;
  const configuration = current.configuration ?? firstConfiguration(madeBy).configuration;
  const others = configuration.features.filter((each) => each !== feature);
  if (configuration.features.includes(feature) === enabled) return { to: { stamp, configuration }, differs: false };
  if (enabled && madeBy === madeEarlier && !confirmed) {
    throw new CliError(
      `version ${madeEarlier} may have made this store. Its servers know no features: they would go on writing without ` +
        `${feature}. Replace all servers by version ${firstWithFeatures} and shut the others out, as ` +
        "docs/upgrades.md#upgrades says. Then run this command with " +
        `--all-servers-are ${firstWithFeatures}. Nothing has changed`,
    );
  }
  return { to: withFeatures(configuration, enabled ? [...others, feature] : others), differs: true };
}
