/**
 * The part of a walk that gives all users their entries, in runs of many users:
 *
 *     collecting ── enough entries are held, or all users are seen ──> adding ── none is held any more ──> the next run
 *
 * Where it stands is stored: the row up to which users have their entries; and within a run, the row up to which they have been
 * collected, and what it does. What is held is gone with the process, and then the run begins again.
 */
import type { DatabaseSync } from "node:sqlite";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import type { EntryTable } from "./entry-table.ts";
import type { HeldEntries } from "./held-entries.ts";
import { timeLimit } from "./slice.ts";
import { UserSeals } from "./user-seals.ts";

/** How many entries a run has, about: they take a few megabytes. */
const runEntries = 20_000;
/** Users that are read at a time, and entries that are added at a time. */
const readUsers = 16;
const addedEntries = 50;

interface Place {
  /** Users up to this row have their entries; empty for none. */
  readonly done: string;
  /** Users up to this row have been collected. */
  readonly collected: string;
  readonly isAdding: boolean;
}

/** What a slice has done. */
interface Built {
  /** Users or entries. */
  readonly items: number;
  readonly broken: number;
  /** Where it stands now; undefined once all users have their entries. */
  readonly place: string | undefined;
}

/** @param place where it stands */
export function buildSlice(
  database: DatabaseSync,
  configuration: StoreConfiguration,
  entries: EntryTable,
  held: HeldEntries,
  place: string,
): Built {
  // The configuration has only just got an index.
  if (!held.isPrepared) return { items: 0, broken: 0, place };
  let now = parsePlace(place);
  if (now.collected === now.done || !held.isCurrent()) {
    held.begin();
    now = { done: now.done, collected: now.done, isAdding: false };
  }
  return now.isAdding ? add(held, now) : collect(database, configuration, entries, held, now);
}

/** The row up to which users have been seen. */
export function rowOf(place: string): string {
  return parsePlace(place).collected;
}

function collect(
  database: DatabaseSync,
  configuration: StoreConfiguration,
  entries: EntryTable,
  held: HeldEntries,
  { done, collected }: Place,
): Built {
  const isOver = timeLimit();
  const users = new UserSeals(database, configuration, collected, true);
  let [items, broken] = [0, 0];
  let isLast: boolean;
  do {
    const some = users.next(readUsers);
    for (const { id, properties, wasBroken } of some) {
      items++;
      if (wasBroken) broken++;
      if (id !== "") for (const entry of entries.of(id, properties)) held.add(entry);
    }
    isLast = some.length < readUsers;
  } while (!isLast && !isOver());
  const count = held.count;
  if (isLast && count === 0) return { items, broken, place: undefined };
  return {
    items,
    broken,
    place: formatPlace({ done, collected: users.last, isAdding: isLast || count >= runEntries }),
  };
}

function add(held: HeldEntries, place: Place): Built {
  const isOver = timeLimit();
  let [items, moved] = [0, 0];
  do {
    moved = held.move(addedEntries);
    items += moved;
  } while (moved === addedEntries && !isOver());
  const next = moved < addedEntries ? { ...place, done: place.collected, isAdding: false } : place;
  return { items, broken: 0, place: formatPlace(next) };
}

function parsePlace(text: string): Place {
  const [done = "", collected = done, what] = text.split(" ");
  return { done, collected, isAdding: what === "adding" };
}

function formatPlace({ done, collected, isAdding }: Place): string {
  return `${done} ${collected}${isAdding ? " adding" : ""}`;
}
