/**
 * The port of a store: what every adapter promises. It takes lists and returns lists; a single call is a list of one.
 *
 * - Atomicity: each command is one atomic step. A list is not a transaction.
 * - Order: the commands of a list, and lists submitted one after the other, apply to each id in that order, through every
 *   retry inside the adapter.
 * - Durability: an answer, UNCHANGED included, means stored as durably as the store's configuration promises.
 */
import type { DamagedPart, DamagedUser } from "./damaged.ts";
import type { EntryRange, IndexedUser } from "./indexes/entries.ts";
import type { Precondition } from "./precondition.ts";
import type { StoreConfiguration } from "./store-configuration.ts";
import type { Edits } from "./struct/edits.ts";
import type { CanonicalStruct } from "./struct/format.ts";
import type { UserId } from "./user-id.ts";

/** A user. One that a validation would create has times of 0 and an empty etag. */
export interface StoredUser {
  readonly id: UserId;
  readonly properties: CanonicalStruct;
  /** A Struct's bytes; empty if no preferences are set. */
  readonly preferences: Uint8Array;
  /** Microseconds since 1970, by the store's clock. */
  readonly createdAt: number;
  /** Microseconds since 1970, by the store's clock. Increases with each change of the user. */
  readonly updatedAt: number;
  readonly etag: string;
}

interface Command {
  readonly id: UserId;
  /** Checked after the command itself. */
  readonly precondition: Precondition | undefined;
  /**
   * The user's etag once this command has changed it. Unique to the command: a store that finds it on the user knows that
   * the command was applied before, and answers as it did then.
   */
  readonly etag: string;
}

/** A write whose caller perhaps must not learn what it changes. */
interface HidingCommand extends Command {
  /**
   * Whether the caller must not learn what the write changes. Then a write that changes nothing writes what is there, so
   * that it fails whenever a change would. With a time of observation, limits are checked against the largest user that
   * could result, whichever edits win.
   */
  readonly hidesOutcome: boolean;
}

export interface IdentifyCommand extends HidingCommand {
  readonly verb: "identify";
  readonly edits: Edits;
  /** Whether every edit sets a property: the edits are a Struct. */
  readonly onlySets: boolean;
  /** When the edits were observed, in microseconds since 1970. Without a time they always apply. */
  readonly observedAt: number | undefined;
  /** Whether the command has every required property, and so may create the user. */
  readonly canCreate: boolean;
  /** Whether to return the result and write nothing. */
  readonly validateOnly: boolean;
  /** Whether the result must contain the user. */
  readonly wantUser: boolean;
}

/** The result contains the user. */
export interface SetPreferencesCommand extends HidingCommand {
  readonly verb: "set-preferences";
  readonly preferences: CanonicalStruct;
  /** Whether they are merged into what is stored, one level deep, or replace it. */
  readonly merge: boolean;
}

export interface DeleteCommand extends Command {
  readonly verb: "delete";
  /** Whether a missing user is UNCHANGED, whatever the precondition, and not an error. */
  readonly allowMissing: boolean;
}

export type WriteCommand = IdentifyCommand | SetPreferencesCommand | DeleteCommand;

export type WriteOutcome = "created" | "updated" | "unchanged" | "deleted";

export interface Applied {
  readonly outcome: WriteOutcome;
  /** The user's etag after the command; empty if there is no user. */
  readonly etag: string;
  /** The user after the command, if the command wants it. */
  readonly user: StoredUser | undefined;
  /** Names of properties that were sent without effect, sorted by their bytes. */
  readonly ignored: readonly string[];
}

/** Why a command was refused. Nothing was written, except as noted. */
export type Refused =
  /** There is no such user, and the command may not create it. */
  | { readonly refused: "required-missing" }
  /** `observedAt` is too far ahead of the store's clock. */
  | { readonly refused: "observed-ahead" }
  /** There is no such user, and the command or its precondition needs one. */
  | { readonly refused: "not-found" }
  /** There is such a user, and the precondition wants none. */
  | { readonly refused: "already-exists" }
  /** The user has another etag than the precondition wants. */
  | { readonly refused: "etag-mismatch" }
  /** The merged user would have `count` properties. */
  | { readonly refused: "too-many-properties"; readonly count: number }
  /** The merged user's properties, or its preferences, would have `bytes` bytes. */
  | { readonly refused: "too-large"; readonly bytes: number }
  /** The store has no memory or space left for it. */
  | { readonly refused: "store-full" }
  /**
   * A part of the user's record that the command would change or return cannot be read. If it was `applied`, the command
   * was done, and the damage was found in the answer.
   */
  | { readonly refused: "damaged"; readonly part: DamagedPart; readonly applied: boolean }
  /** The answer to an attempt was lost, and the next attempt was refused. The first may have applied the command. */
  | { readonly refused: "uncertain" };

export type WriteResult = Applied | Refused;

/** Calls and imports take turns, so that neither waits long however much there is of the other. */
export type Priority = "single" | "import";

interface WriteOptions {
  /** Commands of one priority for the same user are applied in order; of both, in any. Default: "single". */
  readonly priority?: Priority | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How many of a store's users are done. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** What the store has for an id. */
export type FoundUser = StoredUser | DamagedUser | undefined;

export interface FoundEntry extends IndexedUser {
  /** The user, if the store has read it together with the entry. */
  readonly user: FoundUser;
}

/**
 * Every method rejects with UserError STORE_UNAVAILABLE (commands may have been applied), STORE_FULL (other commands of the
 * list may have been applied) or OVERLOADED (nothing was applied), or with the signal's reason if that aborts first; commands
 * that are under way are still applied then.
 */
export interface UserStore {
  /** Results in the order of the commands. */
  write(commands: readonly WriteCommand[], options?: WriteOptions): Promise<readonly WriteResult[]>;
  /** Users in the order of the ids; undefined for an id without a user. A damaged record does not affect the others. */
  get(ids: readonly UserId[], signal?: AbortSignal): Promise<readonly FoundUser[]>;
  /**
   * Ids of users after `after`, in a stable order; fewer than `count` only at the end. A user that exists throughout keeps
   * its place. Entries that are not ids are left out.
   *
   * @param after an id, whether or not there is such a user; undefined for the beginning
   */
  list(after: UserId | undefined, count: number, signal?: AbortSignal): Promise<readonly UserId[]>;
  /**
   * Entries of an index, in the order of their bytes; fewer than `count` only at the end. Every write that was answered before is in
   * them. The store reads some of the users, where that saves another call.
   *
   * @param generation of the configuration that has the index
   * @returns undefined if the store has another configuration by now
   */
  entries(
    range: EntryRange,
    count: number,
    generation: number,
    signal?: AbortSignal,
  ): Promise<readonly FoundEntry[] | undefined>;
  /**
   * How many entries begin with a prefix.
   *
   * @returns undefined as `entries`
   */
  countEntries(prefix: Uint8Array, generation: number, signal?: AbortSignal): Promise<number | undefined>;
  /** How many users there are, including those whose records are damaged. */
  count(signal?: AbortSignal): Promise<number>;
  /** For how many users the work is done that the last change of the configuration asked for, as the building of an index. */
  progress(signal?: AbortSignal): Promise<Progress>;
  /**
   * Resolves if the store can do what requests need, including writes.
   *
   * @returns why some of the users cannot be served, if others can; one line each
   */
  check(): Promise<readonly string[]>;
  /**
   * The store's configuration, as this process last read it; undefined if it could not be read yet.
   *
   * @throws UserError STORE_UNAVAILABLE if this version cannot follow it
   */
  configuration(): StoreConfiguration | undefined;
  /** What is wrong with the store's servers, for the operator; one line each. */
  warnings(): Promise<readonly string[]>;
  /** Waits for calls that are under way, then closes the store. */
  close(): Promise<void>;
}
