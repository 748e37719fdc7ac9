import type { UserStore, WriteCommand, WriteResult } from "../users/store.ts";
import type { SweptStore } from "./sweeper.ts";

/** The command, and later ones for the same id, cannot be applied yet. They were not applied, and must be sent again. */
export interface Postponed {
  readonly refused: "postponed";
}

/** How calls to a store should be made. */
interface CallShape {
  /** How many calls the store works on concurrently, each about different users. */
  readonly lanes: number;
  /** The lane of a user, from 0. */
  laneOf(id: string): number;
  /** Whether a call may be about users of several lanes. If not, all users of a call are of one lane. */
  readonly mixed: boolean;
  /** The most users in one call, so that it does not delay later calls for long. */
  readonly maxUsers: number;
  /** The most bytes of requests in one call, for the same reason. A single larger request is a call of its own. */
  readonly maxBytes: number;
  /** The most searches for entries of one lane that are made together. Default: 1. */
  readonly maxSearches?: number;
}

/** A value for the metrics. */
export interface StoreMetric {
  readonly name: string;
  readonly options: { readonly description: string; readonly unit?: string };
  read(): number;
}

/**
 * What an adapter implements: the port, for one call at a time in each lane, without signals. coalescing-store.ts makes it
 * the port.
 */
export interface StoreAdapter extends Omit<UserStore, "write"> {
  readonly shape: CallShape;
  /** Its background work. */
  readonly sweep?: SweptStore;
  readonly gauges?: readonly StoreMetric[];
  /** Values that only grow. */
  readonly counters?: readonly StoreMetric[];
  /**
   * A record that cannot be read is a result, and does not affect other commands. If a call rejects with STORE_FULL, nothing
   * was written; with any other error, some of its commands may have been applied.
   *
   * @param again whether the commands may have been applied before, by a call that was rejected
   */
  write(commands: readonly WriteCommand[], again?: boolean): Promise<readonly (WriteResult | Postponed)[]>;
}
