/** Reads entries of partitions with one script for the searches that are made at the same time. */

import { entryPrefix, readEntry } from "../../users/indexes/entries.ts";
import { lengthOfValue } from "../../users/indexes/index-value.ts";
import type { FoundUser } from "../../users/store.ts";
import { PackedReader } from "../packed/buffer.ts";
import { unpackUser } from "../packed/users.ts";
import { entryHomes } from "./entry-homes.ts";
import type { Feed } from "./merge-entries.ts";
import type { RunUnder } from "./run-under.ts";
import { loadScript, type ScriptArgument } from "./script.ts";
import type { Servers } from "./servers/servers.ts";

export const findScript = loadScript("wrong-type", "configuration", "codes", "record", "packed-user", "find-entries");

/** An entry, and its user if that was read with it. */
export interface ReadEntry {
  readonly entry: Uint8Array;
  readonly user: FoundUser;
}

export interface Search {
  readonly generation: number;
  readonly feeds: readonly Feed[];
  /** Whether the entries have one value. Then few partitions of a cluster have any, and the users are read with them. */
  readonly isOfFew: boolean;
  /** The end of the range: the prefix and one byte. */
  readonly before: Uint8Array;
  /** How many entries of each feed. */
  readonly count: number;
}

export interface EntrySearch extends Omit<Search, "isOfFew"> {
  /** What the entries begin with. */
  readonly prefix: Uint8Array;
}

/** The entries of each feed; undefined if the store has another configuration than that of the generation. */
type Found = readonly (readonly ReadEntry[])[] | undefined;

interface Waiting {
  readonly search: Search;
  readonly resolve: (found: Found | Promise<Found>) => void;
}

const none: readonly ReadEntry[] = [];
/** The count of a search that the script did not make. */
const notMade = 65_535;

/** @returns a function that reads the next entries of each feed: as many as asked for, fewer only at the end */
export function createEntryReader(servers: Servers, runUnder: RunUnder): (search: EntrySearch) => Promise<Found> {
  let waiting: Waiting[] = [];

  const makeWaiting = (): void => {
    const groups = Map.groupBy(waiting, ({ search }) => search.generation);
    waiting = [];
    for (const group of groups.values()) {
      const made = make(group.map(({ search }) => search));
      for (const [at, { resolve }] of group.entries()) resolve(made.then((found) => found[at]));
    }
  };

  /** @param searches of the same partitions, under one generation */
  async function make(searches: readonly Search[]): Promise<readonly Found[]> {
    const [first] = searches;
    if (first === undefined) return [];
    const answers = await runUnder(
      first.generation,
      first.feeds.map(({ partition }) => partition),
      findScript,
      (partitions) => [searches.length, ...searches.flatMap((search) => searchArguments(search, partitions))],
    );
    if (answers === undefined) return [];
    const found = unpackSearches(answers, searches);
    return Promise.all(found.map(async (each, at) => (each === undefined ? makeAlone(searches[at]) : each)));
  }

  async function makeAlone(search: Search | undefined): Promise<Found> {
    return search && (await make([search]))[0];
  }

  return ({ prefix, ...rest }) => {
    const isOne = isOneValue(prefix);
    const search = { ...rest, isOfFew: isOne && servers.partitioned };
    if (!isOne || search.feeds.length < entryHomes(servers).length) return makeAlone(search);
    return new Promise((resolve) => {
      if (waiting.length === 0) queueMicrotask(makeWaiting);
      waiting.push({ search, resolve });
    });
  };
}

/** One search, as scripts/find-entries.lua takes it. */
export function searchArguments(
  { feeds, isOfFew, before, count }: Omit<Search, "generation">,
  partitions: readonly number[],
): ScriptArgument[] {
  const [first] = feeds;
  const isSame = feeds.every(({ after }) => after === first?.after);
  const used = new Set(isSame ? partitions.slice(0, 1) : partitions);
  const afters = feeds.filter(({ partition }) => used.has(partition)).map(({ after }) => asBuffer(after));
  return [isOfFew ? 1 : 0, asBuffer(before), count, afters.length, ...afters];
}

/** @returns what each search has found; undefined for one that was not made */
export function unpackSearches(answers: readonly Buffer[], searches: readonly Pick<Search, "isOfFew">[]): Found[] {
  const found = searches.map((): (readonly ReadEntry[])[] => []);
  const missed = new Set<number>();
  for (const reader of answers.map((bytes) => new PackedReader(bytes))) {
    while (!reader.done) {
      for (const [at, { isOfFew }] of searches.entries()) {
        const count = reader.u16();
        if (count === notMade) missed.add(at);
        else found[at]?.push(count === 0 ? none : unpackEntries(reader, count, isOfFew));
      }
    }
  }
  return found.map((entries, at) => (missed.has(at) ? undefined : entries));
}

function unpackEntries(reader: PackedReader, count: number, hasUsers: boolean): ReadEntry[] {
  return Array.from({ length: count }, () => {
    const entry = reader.textBytes();
    return { entry, user: hasUsers ? unpackUserOf(entry, reader.bytes()) : undefined };
  });
}

function unpackUserOf(entry: Uint8Array, packed: Uint8Array): FoundUser {
  const id = packed.length === 0 ? undefined : readEntry(entry)?.id;
  return id && unpackUser(new PackedReader(packed), id);
}

/** Whether a prefix ends with a value, and not in the middle of one. */
function isOneValue(prefix: Uint8Array): boolean {
  const value = prefix.subarray(entryPrefix(0).length);
  return lengthOfValue(value) === value.length;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
