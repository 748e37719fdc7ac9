/** The stored form of a store's configuration. */
import { randomBytes } from "node:crypto";
import { bitsOf, type Feature, featuresIn } from "../users/features.ts";
import type { StoreConfiguration } from "../users/store-configuration.ts";

/** A configuration and its stamp, which differs for every change. Writes carry the stamp that they know. */
export interface Stamped {
  /** Empty if the store has none yet. */
  readonly stamp: string;
  readonly configuration: StoreConfiguration | undefined;
}

/** A configuration that is there. */
export interface Present extends Stamped {
  readonly configuration: StoreConfiguration;
}

export function isPresent(stamped: Stamped): stamped is Present {
  return stamped.configuration !== undefined;
}

export const noConfiguration: Stamped = { stamp: "", configuration: undefined };

/** The version in `madeBy` of a store that a version before 0.2 may have made. */
export const madeEarlier = "0.1";

/** The configuration of a new store. */
export function firstConfiguration(madeBy: string): Present {
  return stamped({
    storeId: randomBytes(10).toString("hex"),
    madeBy,
    generation: 0,
    features: [],
    seals: undefined,
  });
}

/** The next configuration, with other features. */
export function withFeatures(configuration: StoreConfiguration, features: readonly Feature[]): Present {
  const generation = configuration.generation + 1;
  const { seals = { since: generation, complete: false } } = configuration;
  return stamped({ ...configuration, generation, features, seals: features.length === 0 ? undefined : seals });
}

/** The next configuration, once every user has a seal. */
export function withCompleteSeals(configuration: StoreConfiguration): Present {
  const { generation, seals } = configuration;
  return stamped({
    ...configuration,
    generation: generation + 1,
    seals: seals === undefined ? undefined : { ...seals, complete: true },
  });
}

/** The next configuration, after users have lost their seals: an older state of them has come back. */
export function withoutCompleteSeals(configuration: StoreConfiguration): Present {
  const { generation, seals } = configuration;
  return stamped({ ...configuration, generation: generation + 1, seals: seals && { ...seals, complete: false } });
}

function stamped(configuration: StoreConfiguration): Present {
  return { stamp: `${configuration.generation}.${randomBytes(6).toString("hex")}`, configuration };
}

/** As JSON. */
export function formatConfiguration({ storeId, madeBy, generation, features, seals }: StoreConfiguration): string {
  const sealed = seals === undefined ? {} : { sealedSince: seals.since, allSealed: seals.complete };
  return JSON.stringify({ storeId, madeBy, generation, features: bitsOf(features), ...sealed });
}

/**
 * @throws UnknownFeaturesError if a newer version has switched on a feature
 * @throws ConfigurationError if something other than Rollcall has written it
 */
export function parseConfiguration(text: string): StoreConfiguration {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw new ConfigurationError();
  }
  if (typeof read !== "object" || read === null) throw new ConfigurationError();
  const fields: Readonly<Record<string, unknown>> = { ...read };
  const { storeId, madeBy, generation, features, sealedSince, allSealed } = fields;
  if (typeof storeId !== "string" || typeof madeBy !== "string" || !isGeneration(generation) || !isCount(features)) {
    throw new ConfigurationError();
  }
  const seals = isGeneration(sealedSince) ? { since: sealedSince, complete: allSealed === true } : undefined;
  return { storeId, madeBy, generation, features: featuresIn(features), seals };
}

/** Seals have 32 bits for it. */
function isGeneration(value: unknown): value is number {
  return isCount(value) && value < 2 ** 32;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Something other than Rollcall has written the store's configuration. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";

  constructor() {
    super("something other than Rollcall has overwritten the store's configuration; rollcall verify tells more");
  }
}
