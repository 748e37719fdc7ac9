/**
 * Which table folds the entries of a store's indexes. Tables differ in characters that Unicode got between their versions.
 *
 *     the store's is older   the server that does the background work has the indexes built anew; until then they are not ready here
 *     the store's is newer   this program leaves the store alone: it would add entries that newer servers do not find
 */
import { UnknownFeaturesError } from "../users/features.ts";
import { foldingVersion } from "../users/indexes/folding-table.ts";
import { formatIndexedProperties, type Index, isMaintained } from "../users/indexes/indexed-property.ts";
import type { StoreConfiguration } from "../users/store-configuration.ts";
import { parseConfiguration } from "./configuration.ts";

/** Whether an older table has folded entries of the store. */
export function isFoldedByOlder(configuration: StoreConfiguration): boolean {
  return compareFolding(configuration) < 0;
}

/** For what serves users. @throws UnknownFeaturesError, also if a newer table folds; ConfigurationError */
export function parseToServe(text: string): StoreConfiguration {
  const configuration = parseConfiguration(text);
  if (compareFolding(configuration) > 0) throw otherFolding(configuration);
  return configuration;
}

/** For what compares entries with users. @throws UnknownFeaturesError, also if another table folds; ConfigurationError */
export function parseToVerify(text: string): StoreConfiguration {
  const configuration = parseConfiguration(text);
  if (compareFolding(configuration) !== 0) throw otherFolding(configuration);
  return configuration;
}

/**
 * The configuration as searches see it: an index that has to be built anew is not ready.
 *
 * @param isAll whether all have to be, and not only those that an older table has folded
 */
export function asSearched(configuration: StoreConfiguration, isAll = false): StoreConfiguration {
  if (!isAll && !isFoldedByOlder(configuration)) return configuration;
  const isStale = ({ folded, state }: Index) => (isAll || folded) && state === "ready";
  const { indexes } = configuration;
  return { ...configuration, indexes: indexes.map((each) => (isStale(each) ? { ...each, state: "building" } : each)) };
}

/** @returns less than 0 if the store's table is older, more if it is newer, and 0 if it is this one or nothing is folded */
function compareFolding({ indexes, folding }: StoreConfiguration): number {
  if (folding === foldingVersion || foldedOf(indexes).length === 0) return 0;
  const [theirs, ours] = [folding, foldingVersion].map((version) => version.split(".").map(Number));
  const at = ours?.findIndex((part, n) => part !== (theirs?.[n] ?? 0)) ?? -1;
  return at < 0 ? (theirs?.length ?? 0) - (ours?.length ?? 0) : (theirs?.[at] ?? 0) - (ours?.[at] ?? 0);
}

function foldedOf(indexes: readonly Index[]): readonly Index[] {
  return indexes.filter((index) => index.folded && isMaintained(index));
}

function otherFolding(configuration: StoreConfiguration): UnknownFeaturesError {
  const { folding } = configuration;
  const folded = foldedOf(configuration.indexes);
  const names = folded.map(({ property }) => property).join(" ");
  const next = isFoldedByOlder(configuration)
    ? "start a server of this version, which builds them anew, and wait until rollcall indexes list says that they are ready"
    : `run a version of Rollcall that folds by Unicode ${folding} or newer. To go on with this one, stop all newer servers, run ` +
      `rollcall indexes drop ${names}, and set the indexes again`;
  return new UnknownFeaturesError(
    `indexes that are folded by Unicode ${folding}, and this version of Rollcall folds by ${foldingVersion} ` +
      `(${formatIndexedProperties(folded)})`,
    next,
  );
}
