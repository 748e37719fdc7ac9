/** Walks over all that is stored, and says what of it is not as Rollcall writes it. */

/** What is wrong with one user, or with one entry of the listing. */
export interface Finding {
  /** The bytes of the id. */
  readonly id: Uint8Array;
  /** The name of the check that found it. */
  readonly check: string;
  /** What is wrong, for people: goes on where the id ends. */
  readonly problem: string;
}

/** A bounded piece of the walk, after which others have their turn. */
export interface Slice {
  /** Records that were looked at. */
  readonly users: number;
  /** The share of the whole walk that is done, from 0 to 1. */
  readonly share: number;
  readonly findings: readonly Finding[];
}

export interface StoreVerifier {
  /**
   * Records first, then the listing. What is written meanwhile is no finding: whatever looks wrong is looked at again, in one
   * step that no write can come between.
   *
   * @throws Error where the store cannot be read, or changed its servers meanwhile
   */
  walk(): AsyncGenerator<Slice>;
  close(): void;
}

export const notListed = "is in no listing: ListUsers leaves it out";
export const notThere = "is listed, and there is no such user";

/** The share of a walk that the records are; the listing is the rest. */
export const recordsShare = 0.6;
