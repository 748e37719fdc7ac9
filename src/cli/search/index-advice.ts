/** What to do where no index can answer a condition. */
import type { CallOptions } from "@connectrpc/connect";
import { type RollcallClient, rollcallErrorOf } from "../../client/index.ts";
import {
  formatIndexedProperties,
  type IndexedProperty,
  parseIndexedProperties,
} from "../../users/indexes/indexed-property.ts";
import { shellWord } from "../shell-words.ts";
import { type Condition, type Equals, kindOf } from "./condition.ts";

/** Those of a server; undefined if they are not known. */
export type Indexes = readonly IndexedProperty[] | undefined;

const forWantOfIndex: readonly unknown[] = ["PROPERTY_NOT_INDEXED", "INDEX_NOT_READY"];

/** Asks a server for its indexes, if a search failed for want of one. */
export async function indexesAfter(error: unknown, users: RollcallClient, options: CallOptions): Promise<Indexes> {
  if (!forWantOfIndex.includes(rollcallErrorOf(error).reason)) return undefined;
  try {
    return (await users.getRegistry({}, options)).indexes;
  } catch {
    // The failure of the search says more.
    return undefined;
  }
}

/** Whether a scan finds the users that an index would find: it compares whole values, and does not fold. */
export function scansAsIndexed(condition: Condition, indexes: Indexes): boolean {
  if (condition.is !== "equals") return false;
  if (kindOf(condition.value) !== "text") return true;
  return indexes?.some(({ property, folded }) => property === condition.property && !folded) === true;
}

/** Sentences about a search that failed for want of an index. */
export function indexAdvice(
  command: "find" | "count",
  error: unknown,
  condition: Condition,
  indexes: Indexes,
): readonly string[] {
  const { reason } = rollcallErrorOf(error);
  if (reason === "PROPERTY_NOT_INDEXED") {
    const scan = command === "find" && condition.is === "equals" ? [sameUsers(condition)] : [];
    return [...scan, ...howToIndex(condition.property, indexes)];
  }
  if (reason !== "INDEX_NOT_READY") return [];
  const later = "rollcall indexes list shows how far the index is.";
  if (condition.is !== "equals") return [later];
  if (scansAsIndexed(condition, indexes)) return [sameUsers(condition), later];
  if (indexes === undefined) return [later];
  return command === "find"
    ? [`${list(condition)} finds only users with exactly this text: it does not ignore case.`, later]
    : ["Until the index is ready, this count fails: reading all users does not ignore case.", later];
}

function sameUsers(condition: Equals): string {
  return `${list(condition)} finds the same users by reading all of them.`;
}

function list({ property }: Equals): string {
  return `rollcall list --where ${shellWord(property)}=…`;
}

/** The command that adds an index to those that there are; it names all of them. */
function howToIndex(property: string, indexes: Indexes): readonly string[] {
  if (indexes === undefined) return [];
  const wanted = formatIndexedProperties([...indexes, { property, folded: false }]);
  if (!isList(wanted, indexes.length + 1, property)) return [];
  const folding = shellWord(`${property}:fold`);
  return [`To index it: rollcall indexes set ${shellWord(wanted)} (or ${folding}, which ignores case).`];
}

/** Whether a list of indexes names a property last. Names with a comma or a colon cannot be indexed, and there may be no room. */
function isList(text: string, length: number, last: string): boolean {
  try {
    const indexed = parseIndexedProperties(text);
    return indexed.length === length && indexed.at(-1)?.property === last;
  } catch {
    return false;
  }
}
