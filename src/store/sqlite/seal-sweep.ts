/** The walk over all users, slice by slice; each in a transaction of the caller's. It seals users, and brings their entries in line. */
import type { DatabaseSync } from "node:sqlite";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import { isCanonical } from "../../users/struct/scan.ts";
import type { SealStep } from "../seal-walk.ts";
import { buildSlice } from "./entry-build.ts";
import type { EntryTable } from "./entry-table.ts";
import type { HeldEntries } from "./held-entries.ts";
import { timeLimit } from "./slice.ts";
import { StrayEntries } from "./stray-entries.ts";
import { UserSeals } from "./user-seals.ts";
import { atEntries, hasWalkTable, nextStepIn, shareOf } from "./walk-state.ts";

/** A slice that seals users: about a millisecond of the database's thread. */
const sliceUsers = 200;
/** Entries that are removed at a time. */
const clearedEntries = 100;

export interface SealSlice {
  /** Undefined if there was nothing to do. */
  readonly work: SealStep["work"] | undefined;
  /** Users, or entries. */
  readonly items: number;
  /** Of the walk, from 0 to 1. */
  readonly share: number;
  /** How many broken seals it has found and mended. */
  readonly broken: number;
  /** How many entries it has removed. */
  readonly removed: number;
  readonly isDone: boolean;
}

export const nothingToDo: SealSlice = { work: undefined, items: 0, share: 1, broken: 0, removed: 0, isDone: true };

interface Part extends Omit<SealSlice, "work"> {
  /** Where the walk stands now. */
  readonly after: string;
}

type Seen = Pick<Part, "items" | "broken" | "removed">;

/** The share of a walk that takes the users. */
const usersShare = 0.99;

export class SealSweep {
  readonly #database: DatabaseSync;
  readonly #held: HeldEntries;
  readonly #strays: StrayEntries;

  /** @param held entries that a walk will add */
  constructor(database: DatabaseSync, held: HeldEntries) {
    this.#database = database;
    this.#held = held;
    this.#strays = new StrayEntries(database);
  }

  /**
   * Does the next slice.
   *
   * @param entries undefined while there is no index
   * @param now milliseconds since 1970
   */
  slice(configuration: StoreConfiguration, entries: EntryTable | undefined, now: number): SealSlice {
    const step = nextStepIn(this.#database, configuration, now);
    if (step === undefined) return nothingToDo;
    this.#database.exec(
      "CREATE TABLE IF NOT EXISTS sweep (walk TEXT NOT NULL, after TEXT NOT NULL, done INTEGER) STRICT",
    );
    const part =
      entries !== undefined && step.after === atEntries
        ? this.#overEntries(step, configuration, entries)
        : this.#overUsers(step, configuration, entries);
    const { after, ...done } = part;
    this.#database.exec("DELETE FROM sweep");
    this.#database.prepare("INSERT INTO sweep VALUES (?, ?, ?)").run(step.name, after, done.isDone ? now : null);
    return { work: step.work, ...done };
  }

  /** Has the seals and the entries checked soon, and not only within the hour. */
  checkSoon(): void {
    this.#strays.suspect();
    if (hasWalkTable(this.#database)) this.#database.exec("UPDATE sweep SET done = 0 WHERE done IS NOT NULL");
  }

  #overUsers(step: SealStep, configuration: StoreConfiguration, entries: EntryTable | undefined): Part {
    if (entries !== undefined && step.work === "seal") return this.#build(step, configuration, entries);
    const users = new UserSeals(this.#database, configuration, step.after, false);
    const some = users.next(sliceUsers);
    const mended = some.filter(({ wasBroken }) => wasBroken);
    if (entries !== undefined) for (const { id } of mended) this.#complete(id, entries);
    const seen = { items: some.length, broken: mended.length, removed: 0 };
    if (some.length === sliceUsers) return this.#further(seen, users.last);
    const isDone = entries === undefined || !this.#strays.mayBeThere();
    return isDone ? { ...seen, after: users.last, share: 1, isDone } : this.#turn(seen);
  }

  #build({ after }: SealStep, configuration: StoreConfiguration, entries: EntryTable): Part {
    const { place, ...built } = buildSlice(this.#database, configuration, entries, this.#held, after);
    const seen = { ...built, removed: 0 };
    return place === undefined ? this.#turn(seen) : this.#further(seen, place);
  }

  #further(seen: Seen, after: string): Part {
    return { ...seen, after, share: usersShare * shareOf(this.#database, after), isDone: false };
  }

  /** All users have been seen, and the entries come next. */
  #turn(seen: Seen): Part {
    this.#strays.begin();
    return { ...seen, after: atEntries, share: usersShare, isDone: false };
  }

  #complete(id: string, entries: EntryTable): void {
    const properties = this.#database.prepare("SELECT properties FROM user WHERE id = ?").get(id)?.["properties"];
    if (properties instanceof Uint8Array && isCanonical(properties)) entries.complete(id, properties);
  }

  #overEntries({ work, after }: SealStep, { indexes }: StoreConfiguration, entries: EntryTable): Part {
    const isOver = timeLimit();
    const ended = (isDone: boolean) => ({ after, broken: 0, share: isDone ? 1 : usersShare, isDone });
    if (work === "check") {
      const { items, removed, isDone } = this.#strays.slice(indexes, isOver);
      return { items, removed, ...ended(isDone) };
    }
    let removed = 0;
    let cleared: number;
    do {
      cleared = entries.clearDropped(clearedEntries);
      removed += cleared;
    } while (cleared === clearedEntries && !isOver());
    return { items: removed, removed, ...ended(cleared < clearedEntries) };
  }
}
