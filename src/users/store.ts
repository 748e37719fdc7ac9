/**
 * The port of a store: what every adapter promises. Lists in, lists out; a single call is a list of one.
 *
 * Atomicity: each command is one atomic step; a list is not a transaction. Order: the commands of one list, and lists
 * submitted one after the other, apply in that order to each id, through every retry inside the adapter. Firmness: an
 * answer, UNCHANGED included, means stored as firmly as the store's configuration promises.
 */
import type { CanonicalStruct } from "./struct-format.ts";
import type { UserId } from "./user-id.ts";

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

export interface IdentifyCommand {
  readonly id: UserId;
  readonly properties: CanonicalStruct;
  /** Whether the command brings every required property, and so may create the user. */
  readonly canCreate: boolean;
  /**
   * The user's etag if this command changes it. Unique to the command: a store that finds it as the user's etag has
   * applied the command already, and answers as it did then.
   */
  readonly etag: string;
  /** Whether the result must hold the whole user. */
  readonly wantUser: boolean;
}

export type IdentifyOutcome = "created" | "updated" | "unchanged";

export type IdentifyResult =
  /** The user's etag after the command, and the user where the command wants it. */
  | { readonly outcome: IdentifyOutcome; readonly etag: string; readonly user: StoredUser | undefined }
  /** There is no such user, and the command may not create it. */
  | { readonly refused: "required-missing" }
  /** The merged user would have `count` properties. */
  | { readonly refused: "too-many-properties"; readonly count: number }
  /** The merged user's properties would have `bytes` bytes. */
  | { readonly refused: "properties-too-large"; readonly bytes: number };

/**
 * Every verb rejects with UserError STORE_UNAVAILABLE (commands may have been applied), STORE_FULL or OVERLOADED
 * (nothing was applied), or with the signal's reason if that aborts before the answer: commands that are already under
 * way are then still applied.
 */
export interface UserStore {
  /** Results in the order of the commands. */
  identify(commands: readonly IdentifyCommand[], signal?: AbortSignal): Promise<readonly IdentifyResult[]>;
  /** Users in the order of the ids; undefined for an id without a user. */
  get(ids: readonly UserId[], signal?: AbortSignal): Promise<readonly (StoredUser | undefined)[]>;
  /** Resolves if the store can do what requests need, writing included. */
  check(): Promise<void>;
  /** Waits for what is under way, then lets go of the store. */
  close(): Promise<void>;
}
