/** Decides how a store gets other indexes. */
import { formatIndexedProperties, type IndexedProperty, isMaintained } from "../users/indexes/indexed-property.ts";
import type { StoreConfiguration } from "../users/store-configuration.ts";
import type { StoreState } from "./administration.ts";
import { firstConfiguration, type Present, withIndexes } from "./configuration.ts";

export interface IndexChange {
  /** The configuration that the store should have. */
  readonly to: Present;
  /** Whether that differs from the one that it has. */
  readonly differs: boolean;
  /** New ones, which are to be built. */
  readonly added: readonly IndexedProperty[];
  readonly dropped: readonly IndexedProperty[];
}

/**
 * @param wanted all indexes that the store should have
 * @throws RangeError if the store has had too many indexes
 */
export function changeOfIndexes({ current, madeBy }: StoreState, wanted: readonly IndexedProperty[]): IndexChange {
  const { stamp, configuration = firstConfiguration(madeBy).configuration } = current;
  const there = maintainedIndexes(configuration);
  const added = without(wanted, there);
  const dropped = without(there, wanted);
  if (formatIndexedProperties(there) === formatIndexedProperties(wanted)) {
    return { to: { stamp, configuration }, differs: false, added, dropped };
  }
  return { to: withIndexes(configuration, wanted), differs: true, added, dropped };
}

/** The indexes of a store without those that are being dropped. */
export function maintainedIndexes(configuration: StoreConfiguration | undefined): readonly IndexedProperty[] {
  return configuration?.indexes.filter(isMaintained) ?? [];
}

/** Those of the first list that the other lacks. One that folds and one that does not are two. */
export function without(
  some: readonly IndexedProperty[],
  others: readonly IndexedProperty[],
): readonly IndexedProperty[] {
  return some.filter(
    ({ property, folded }) => !others.some((other) => other.property === property && other.folded === folded),
  );
}
