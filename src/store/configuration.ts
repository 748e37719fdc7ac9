/** The stored form of a store's configuration. */
import { randomBytes } from "node:crypto";
import { bitsOf, type Feature, featuresIn } from "../users/features.ts";
import { foldingVersion } from "../users/indexes/folding-table.ts";
import {
  type Index,
  type IndexedProperty,
  type IndexState,
  isMaintained,
  maxIndexNumber,
} from "../users/indexes/indexed-property.ts";
import type { Seals, StoreConfiguration } from "../users/store-configuration.ts";

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
    indexes: [],
    nextIndex: 1,
    spread: undefined,
    folding: foldingVersion,
  });
}

/** The next configuration, with other features. */
export function withFeatures(configuration: StoreConfiguration, features: readonly Feature[]): Present {
  const generation = configuration.generation + 1;
  const { seals = { since: generation, complete: false } } = configuration;
  return stamped({ ...configuration, generation, features, seals: features.length === 0 ? undefined : seals });
}

/**
 * The next configuration, with other indexes. Those that stay keep their numbers and their states.
 *
 * @throws RangeError if the store has had so many indexes that there is no number left
 */
export function withIndexes(configuration: StoreConfiguration, wanted: readonly IndexedProperty[]): Present {
  return changed(configuration, wanted, configuration.indexes.filter(isMaintained));
}

/**
 * The next configuration, in which this program's table folds. Indexes that fold are built anew under other numbers.
 *
 * @throws RangeError as `withIndexes` does
 */
export function withFoldedAnew(configuration: StoreConfiguration): Present {
  const maintained = configuration.indexes.filter(isMaintained);
  const exact = maintained.filter(({ folded }) => !folded);
  return changed(configuration, maintained, exact);
}

/**
 * The next configuration, in which all indexes are built anew under other numbers, in the place where the adapter keeps entries.
 *
 * @throws RangeError as `withIndexes` does
 */
export function withEntriesMoved(configuration: StoreConfiguration): Present {
  return changed(configuration, configuration.indexes.filter(isMaintained), []);
}

/** @param keepable indexes that may stay as they are */
function changed(
  configuration: StoreConfiguration,
  wanted: readonly IndexedProperty[],
  keepable: readonly Index[],
): Present {
  const generation = configuration.generation + 1;
  let { nextIndex } = configuration;
  const kept = (property: IndexedProperty) => keepable.find((index) => isSame(index, property));
  const indexes = wanted.map(
    (property): Index => kept(property) ?? { ...property, number: nextIndex++, state: "building" },
  );
  if (nextIndex > maxIndexNumber + 1) throw new RangeError("the store has had too many indexes: it has no number left");
  // What stays has been folded by the store's table, which may be older or newer than this program's.
  const folding = wanted.some((each) => kept(each)?.folded) ? configuration.folding : foldingVersion;
  const spread = wanted.some(kept) ? configuration.spread : undefined;
  const numbers = new Set(indexes.map(({ number }) => number));
  const dropped = configuration.indexes
    .filter(({ number }) => !numbers.has(number))
    .map((index): Index => ({ ...index, state: "dropping" }));
  return stamped(
    walked(
      { ...configuration, generation, indexes: [...indexes, ...dropped], nextIndex, spread, folding },
      { since: generation, complete: false },
    ),
  );
}

function isSame(a: IndexedProperty, b: IndexedProperty): boolean {
  return a.property === b.property && a.folded === b.folded;
}

/** The next configuration, once every user has a seal, and its entries in the indexes. */
export function withCompleteSeals(configuration: StoreConfiguration): Present {
  const generation = configuration.generation + 1;
  const indexes = configuration.indexes
    .filter(({ state }) => state !== "dropping")
    .map((index): Index => ({ ...index, state: "ready" }));
  const { seals } = configuration;
  return stamped(walked({ ...configuration, generation, indexes }, seals && { ...seals, complete: true }));
}

/** The next configuration, after users have lost their seals or entries: an older state of them has come back. */
export function withoutCompleteSeals(configuration: StoreConfiguration): Present {
  const { generation, seals } = configuration;
  const indexes = configuration.indexes.map(
    (index): Index => (index.state === "ready" ? { ...index, state: "building" } : index),
  );
  return stamped({
    ...configuration,
    generation: generation + 1,
    indexes,
    seals: seals && { ...seals, complete: false },
  });
}

/** The feature is on while there is an index, and users have seals while a feature is on. */
function walked(configuration: StoreConfiguration, seals: Seals | undefined): StoreConfiguration {
  const others = configuration.features.filter((feature) => feature !== "indexes");
  const features = configuration.indexes.length > 0 ? [...others, "indexes" as const] : others;
  return { ...configuration, features, seals: features.length > 0 ? seals : undefined };
}

function stamped(configuration: StoreConfiguration): Present {
  return { stamp: `${configuration.generation}.${randomBytes(6).toString("hex")}`, configuration };
}

/** As JSON. A store that has never had an index says nothing of indexes. */
export function formatConfiguration(configuration: StoreConfiguration): string {
  const { storeId, madeBy, generation, features, seals, indexes, nextIndex, spread, folding } = configuration;
  const sealed = seals === undefined ? {} : { sealedSince: seals.since, allSealed: seals.complete };
  const indexed = nextIndex === 1 ? {} : { indexes, nextIndex, spread, folding };
  return JSON.stringify({ storeId, madeBy, generation, features: bitsOf(features), ...sealed, ...indexed });
}

/**
 * @throws UnknownFeaturesError if a newer version has switched on a feature
 * @throws ConfigurationError if something other than Rollcall has written it
 */
export function parseConfiguration(text: string): StoreConfiguration {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new ConfigurationError();
  }
  if (typeof parsed !== "object" || parsed === null) throw new ConfigurationError();
  const fields: Readonly<Record<string, unknown>> = { ...parsed };
  const { storeId, madeBy, generation, features, sealedSince, allSealed } = fields;
  if (typeof storeId !== "string" || typeof madeBy !== "string" || !isGeneration(generation) || !isCount(features)) {
    throw new ConfigurationError();
  }
  const seals = isGeneration(sealedSince) ? { since: sealedSince, complete: allSealed === true } : undefined;
  const { nextIndex = 1, indexes = [], spread, folding = foldingVersion } = fields;
  const known = featuresIn(features);
  if (!isCount(nextIndex) || nextIndex === 0 || !Array.isArray(indexes)) throw new ConfigurationError();
  if (typeof folding !== "string" || !/^\d+(\.\d+)*$/.test(folding)) throw new ConfigurationError();
  if (spread !== undefined && typeof spread !== "boolean") throw new ConfigurationError();
  const read = { storeId, madeBy, generation, features: known, seals };
  return { ...read, indexes: indexes.map(parseIndex), nextIndex, spread, folding };
}

const indexStates: readonly unknown[] = ["building", "ready", "dropping"] satisfies IndexState[];

function parseIndex(read: unknown): Index {
  if (typeof read !== "object" || read === null) throw new ConfigurationError();
  const { property, folded, number, state }: { readonly [Name in keyof Index]?: unknown } = read;
  if (typeof property !== "string" || typeof folded !== "boolean") throw new ConfigurationError();
  if (!isCount(number) || number === 0 || number > maxIndexNumber || !isIndexState(state))
    throw new ConfigurationError();
  return { property, folded, number, state };
}

function isIndexState(value: unknown): value is IndexState {
  return indexStates.includes(value);
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
