/** Features that a store can have. A feature changes what every write must do, so it is switched on in the store and not in each server. */

interface FeatureDescription {
  /** Its bit in the stored set. A bit is never used twice. */
  readonly bit: number;
  /** What it does, for people. */
  readonly summary: string;
  /** The command that switches it on and off, if `rollcall config` does not. */
  readonly command?: string;
}

export const features = {
  rehearsal: {
    bit: 0,
    summary:
      "seals every user that is written and does nothing else: it rehearses an upgrade before a feature is needed",
  },
  indexes: {
    bit: 1,
    summary: "finds users by the values of indexed properties",
    command: "rollcall indexes",
  },
} as const satisfies Readonly<Record<string, FeatureDescription>>;

export type Feature = keyof typeof features;

export const featureNames: readonly Feature[] = Object.keys(features).filter((name) => isFeature(name));

export function isFeature(name: string): name is Feature {
  return Object.hasOwn(features, name);
}

/** The set of features as the sum of their bits. */
export function bitsOf(names: Iterable<Feature>): number {
  return [...new Set(names)].reduce((sum, name) => sum + 2 ** features[name].bit, 0);
}

/**
 * @returns the features of a stored set
 * @throws UnknownFeaturesError for a bit of a newer version
 */
export function featuresIn(bits: number): readonly Feature[] {
  const on = bitsIn(bits);
  const unknown = on.filter((bit) => featureNames.every((name) => features[name].bit !== bit));
  if (unknown.length > 0) {
    throw new UnknownFeaturesError(`features that this version of Rollcall does not know (bits ${unknown.join(", ")})`);
  }
  return featureNames.filter((name) => on.includes(features[name].bit));
}

/** The whole numbers that JSON carries exactly have so many. Bitwise operators would drop those from 32 on. */
const bitCount = 53;

function bitsIn(sum: number): number[] {
  return Array.from({ length: bitCount }, (_, bit) => bit).filter((bit) => Math.floor(sum / 2 ** bit) % 2 === 1);
}

/** The store has something that this version does not know. To write to it without that would corrupt it. */
export class UnknownFeaturesError extends Error {
  override readonly name = "UnknownFeaturesError";

  constructor(what: string, next = "run the version of Rollcall that switched them on, or a newer one") {
    super(`the store has ${what}: ${next}`);
  }
}
