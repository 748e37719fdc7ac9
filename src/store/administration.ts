/** The port for administration: reads a store's configuration and changes it, also while servers use the store. */
import type { Progress } from "../users/store.ts";
import type { Present, Stamped } from "./configuration.ts";

export interface StoreAdministration {
  /**
   * Reads the configuration, and writes nothing.
   *
   * @throws Error with the cause, if the store cannot be read; UnknownFeaturesError
   */
  read(): Promise<StoreState>;
  /**
   * For how many users the work is done that the last change asked for, as the building of an index.
   *
   * @throws Error with the cause, if the store cannot be read
   */
  progress(): Promise<Progress>;
  /**
   * Resolves if every server of the store takes writes. It leaves nothing behind.
   *
   * @throws Error with the address, the cause and the next step
   */
  requireWritable(): Promise<void>;
  /**
   * Gives the whole store another configuration; or the one that it has, where some partitions do not have it.
   *
   * @param from what `read` found
   * @returns whether it did. If not, somebody else has changed the configuration since, and nothing was written
   * @throws PartlyChangedError; any other Error if nothing was changed
   */
  change(from: Stamped, to: Present): Promise<boolean>;
  close(): void;
}

export interface StoreState {
  /** What the whole store should have; `noConfiguration` if it has none yet. */
  readonly current: Stamped;
  /** The version that made the store; `madeEarlier` if one without configurations may have made it. */
  readonly madeBy: string;
  /** Where the store does not have it. Servers mend the first two within a second. */
  readonly deviations: readonly Deviation[];
}

/** Partitions in Redis that do not have the store's configuration. */
export interface Deviation {
  readonly partitions: readonly number[];
  readonly problem: "missing" | "outdated" | "foreign" | "unreadable" | "away";
  /** For people: what is wrong with the configuration of these partitions. */
  readonly description: string;
}

/** A change has reached some partitions, and perhaps not others. */
export class PartlyChangedError extends Error {
  override readonly name = "PartlyChangedError";

  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `${reason}. The change may have reached some partitions and not others. Servers of Rollcall complete it as soon as ` +
        "all primaries take writes, and so does the same command; rollcall config show tells how far it is",
      { cause },
    );
  }
}
