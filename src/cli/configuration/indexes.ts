/** Decides what `rollcall indexes set` and `drop` change. */
import type { StoreState } from "../../store/administration.ts";
import { changeOfIndexes, type IndexChange, maintainedIndexes } from "../../store/index-change.ts";
import {
  formatIndexedProperties,
  type IndexedProperty,
  parseIndexedProperties,
} from "../../users/indexes/indexed-property.ts";
import { CliError } from "../cli-error.ts";
import { requireNewServers } from "./change.ts";

/**
 * Reads the properties that a command names, in one argument or several.
 *
 * @throws CliError that says what is wrong
 */
export function indexedProperties(args: readonly string[]): readonly IndexedProperty[] {
  let properties: readonly IndexedProperty[];
  try {
    properties = parseIndexedProperties(args.join(","));
  } catch (error) {
    throw new CliError(`the list of properties ${error instanceof Error ? error.message : error}`);
  }
  if (properties.length === 0) {
    throw new CliError("the list of properties is empty; rollcall indexes drop removes indexes");
  }
  return properties;
}

/**
 * @param confirmed whether all servers are known to be of a version that knows features
 * @throws CliError if older servers may use the store; RangeError if the store has had too many indexes
 */
export function planIndexes(state: StoreState, wanted: readonly IndexedProperty[], confirmed: boolean): IndexChange {
  const change = changeOfIndexes(state, wanted);
  if (change.added.length > 0) {
    requireNewServers(state, confirmed, `the index of ${formatIndexedProperties(change.added)}`);
  }
  return change;
}

/** @throws CliError if the store has no such index, not even one that is being dropped */
export function planDrop(state: StoreState, unwanted: readonly IndexedProperty[]): IndexChange {
  const { configuration } = state.current;
  const there = maintainedIndexes(configuration);
  const names = unwanted.map(({ property }) => property);
  const unknown = names.filter((name) => !configuration?.indexes.some(({ property }) => property === name));
  if (unknown.length > 0) {
    const known = there.length === 0 ? "the store has none" : `the store has ${formatIndexedProperties(there)}`;
    throw new CliError(`there is no index of ${unknown.join(", ")}: ${known}. Nothing has changed`);
  }
  return changeOfIndexes(
    state,
    there.filter(({ property }) => !names.includes(property)),
  );
}
