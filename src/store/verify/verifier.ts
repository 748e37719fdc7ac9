/** Walks over a store, and finds what Rollcall would not have written. */

/** What is wrong with one user, with one entry of the listing, or with something else in the store. */
export interface Finding {
  /** The bytes of the user's id; else of the name of a key, or of a part of a database. */
  readonly id: Uint8Array;
  /** The name of the check that found it. */
  readonly check: string;
  /** What is wrong, for people: a predicate whose subject is the id. */
  readonly problem: string;
}

/** A bounded piece of the walk. Between two slices others have their turn. */
export interface Slice {
  /** How many records were checked. */
  readonly users: number;
  /** The share of the whole walk that is done, from 0 to 1. */
  readonly share: number;
  readonly findings: readonly Finding[];
}

export interface StoreVerifier {
  /**
   * Looks at what the store has besides users, then walks over the records, then over the listing. Writes during the walk cause no findings: whatever looks wrong is checked
   * again in one atomic step.
   *
   * @throws Error if the store cannot be read, or its servers change during the walk; UnknownFeaturesError
   */
  walk(): AsyncGenerator<Slice>;
  close(): void;
}

export const notListed = "is in no listing: ListUsers leaves it out";
export const notThere = "is listed, and there is no such user";

/** The share of a walk that takes the records; the listing takes the rest. */
export const recordsShare = 0.6;
