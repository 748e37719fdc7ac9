/**
 * The port of a store: what every adapter promises. Lists in, lists out; a single call is a list of one.
 *
 * Atomicity: each command is one atomic step; a list is not a transaction. Order: the commands of one list, and lists
 * submitted one after the other, apply in that order to each id, through every retry inside the adapter. Firmness: an
 * answer, UNCHANGED included, means stored as firmly as the store's configuration promises.
 */
import type { DamagedPart, DamagedUser } from "./damaged.ts";
import type { Precondition } from "./precondition.ts";
import type { Edits } from "./struct/edits.ts";
import type { CanonicalStruct } from "./struct/format.ts";
import type { UserId } from "./user-id.ts";

/** A user; one that is not stored, where a command says what would be created, has times of 0 and an empty etag. */
export interface StoredUser {
  readonly id: UserId;
  readonly properties: CanonicalStruct;
  /** A Struct's bytes; empty where no preferences were set. */
  readonly preferences: Uint8Array;
  /** Microseconds since 1970, by the store's clock. */
  readonly createdAt: number;
  /** Microseconds since 1970, by the store's clock; grows with each change of the user. */
  readonly updatedAt: number;
  readonly etag: string;
}

interface Command {
  readonly id: UserId;
  /** Checked once the command itself is found valid. */
  readonly precondition: Precondition | undefined;
  /**
   * The user's etag if this command changes it. Unique to the command: a store that finds that the command has been
   * applied already answers as it did then.
   */
  readonly etag: string;
}

/** A write whose caller may not learn what it changes, perhaps. */
interface HidingCommand extends Command {
  /**
   * Whether the caller may not learn what the write changes. Then one that changes nothing fails where a change would: it
   * writes what is there already. With a time of observation, the limits are checked against the most that the user could
   * come to, whichever edits win.
   */
  readonly hidesOutcome: boolean;
}

export interface IdentifyCommand extends HidingCommand {
  readonly verb: "identify";
  readonly edits: Edits;
  /** Whether every edit sets a property: the edits are a Struct. */
  readonly onlySets: boolean;
  /** When the edits were observed, in microseconds since 1970; without it they always apply. */
  readonly observedAt: number | undefined;
  /** Whether the command brings every required property, and so may create the user. */
  readonly canCreate: boolean;
  /** Whether to say what would be, and write nothing. */
  readonly validateOnly: boolean;
  /** Whether the result must hold the whole user. */
  readonly wantUser: boolean;
}

/** The result holds the whole user. */
export interface SetPreferencesCommand extends HidingCommand {
  readonly verb: "set-preferences";
  readonly preferences: CanonicalStruct;
  /** Whether they are merged into what is stored, one level deep, or replace it. */
  readonly merge: boolean;
}

export interface DeleteCommand extends Command {
  readonly verb: "delete";
  /** Whether a user that is not there is success, whatever the precondition: UNCHANGED. */
  readonly allowMissing: boolean;
}

export type WriteCommand = IdentifyCommand | SetPreferencesCommand | DeleteCommand;

export type WriteOutcome = "created" | "updated" | "unchanged" | "deleted";

export interface Applied {
  readonly outcome: WriteOutcome;
  /** The user's etag after the command; empty where there is no user. */
  readonly etag: string;
  /** The user after the command, where the command wants it. */
  readonly user: StoredUser | undefined;
  /** Names of properties that were sent and had no effect, sorted by their bytes. */
  readonly ignored: readonly string[];
}

/** Why a command was refused; nothing was written, unless it says so. */
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
   * A part of the user's record that the command would change, or answer with, cannot be read. Nothing was written unless
   * it is `applied`: then the command was done, whether or not it changed anything, and the damage was found in the answer.
   */
  | { readonly refused: "damaged"; readonly part: DamagedPart; readonly applied: boolean }
  /** The answer to an attempt was lost, and by the next one the command was refused: the first may have applied it. */
  | { readonly refused: "uncertain" };

export type WriteResult = Applied | Refused;

/** Calls and imports take turns, so that neither waits long however much there is of the other. */
export type Priority = "single" | "import";

interface WriteOptions {
  /** Commands of one priority for the same user are applied in order; of both, in any. Default: "single". */
  readonly priority?: Priority | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Every verb rejects with UserError STORE_UNAVAILABLE (commands may have been applied), STORE_FULL (others of the same list
 * may have been), OVERLOADED (nothing was applied), or with the signal's reason if that aborts before the answer: commands
 * that are already under way are then still applied.
 */
export interface UserStore {
  /** Results in the order of the commands. */
  write(commands: readonly WriteCommand[], options?: WriteOptions): Promise<readonly WriteResult[]>;
  /** Users in the order of the ids; undefined for an id without a user. A damaged record harms no other of the list. */
  get(ids: readonly UserId[], signal?: AbortSignal): Promise<readonly (StoredUser | DamagedUser | undefined)[]>;
  /**
   * Ids of users in a stable order, from the first after `after` on; fewer than `count` only at the end. A user that
   * exists throughout has its place in that order throughout. Entries that are no ids are left out.
   *
   * @param after an id, of a user or not; undefined for the beginning
   */
  list(after: UserId | undefined, count: number, signal?: AbortSignal): Promise<readonly UserId[]>;
  /**
   * Resolves if the store can do what requests need, writing included.
   *
   * @returns why some of the users cannot be served, where others can: one line each
   */
  check(): Promise<readonly string[]>;
  /** What the operator should know of how the store is set up: one line each, none if all is well. */
  warnings(): Promise<readonly string[]>;
  /** Waits for what is under way, then lets go of the store. */
  close(): Promise<void>;
}
