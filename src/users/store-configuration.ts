import type { Feature } from "./features.ts";
import type { Index } from "./indexes/indexed-property.ts";

/** What the store itself says about every write to it. All servers of a store follow it. */
export interface StoreConfiguration {
  /** Names the store for as long as it exists: 20 hexadecimal digits. */
  readonly storeId: string;
  /** The version of Rollcall that made the store, such as "0.2.0"; "0.1" if a version before 0.2 may have made it. */
  readonly madeBy: string;
  /** 0 at first, and one more with each change. */
  readonly generation: number;
  /** What is switched on. */
  readonly features: readonly Feature[];
  /** Of the users, while a feature is on. A write by a version that does not know the feature breaks the user's seal. */
  readonly seals: Seals | undefined;
  /** In the operator's order, and behind them those that are being dropped. */
  readonly indexes: readonly Index[];
  /** The number of the next new index. 1 if the store has never had one. */
  readonly nextIndex: number;
  /** Whether each partition of the store keeps the entries of its own users. Undefined in stores that have no partitions. */
  readonly spread?: boolean | undefined;
  /** The version of the table that folds the entries of indexes: that of Unicode, such as "17.0.0". */
  readonly folding: string;
}

/** How often a call follows a change of the configuration, before it gives up. */
export const maxFollowedChanges = 5;

export interface Seals {
  /** The generation since which every write seals the user. */
  readonly since: number;
  /** Whether all users that were there before have been sealed too. */
  readonly complete: boolean;
}
