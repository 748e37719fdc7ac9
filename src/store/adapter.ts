import type { UserStore, WriteCommand, WriteResult } from "../users/store.ts";

/** The command cannot be applied yet, nor those after it of the same id; it was not, and is to be given again. */
export interface Postponed {
  readonly refused: "postponed";
}

/** How calls to a store are best made. */
interface CallShape {
  /** How many calls the store works on side by side, each of them about users of its own. */
  readonly lanes: number;
  /** Which of them a user belongs to, from 0. */
  laneOf(id: string): number;
  /** Whether one call may be about users of several of them; if not, all users of a call are of one lane. */
  readonly mixed: boolean;
  /** The most users that one call should be about, so that it does not hold up what comes after it. */
  readonly maxUsers: number;
  /** The most bytes of requests in one call, for the same reason. A single larger one is a call of its own. */
  readonly maxBytes: number;
}

/** Something about a store that changes, for the metrics. */
interface StoreGauge {
  readonly name: string;
  readonly options: { readonly description: string; readonly unit?: string };
  read(): number;
}

/**
 * A store as an adapter implements it: as the port says, for one call at a time in each lane and without signals.
 * coalescing-store.ts makes the port of it.
 */
export interface StoreAdapter extends Omit<UserStore, "write"> {
  readonly shape: CallShape;
  readonly gauges?: readonly StoreGauge[];
  /**
   * A record that cannot be read is a result, like any other: it keeps no other command from its own. Where a call rejects
   * with STORE_FULL, nothing was written; with anything else, some of its commands may have been applied.
   *
   * @param again whether the commands may have been applied before, by a call that rejected
   */
  write(commands: readonly WriteCommand[], again?: boolean): Promise<readonly (WriteResult | Postponed)[]>;
}
