import type { DatabaseSync } from "node:sqlite";
import { version } from "../../config/version.ts";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import {
  ConfigurationError,
  firstConfiguration,
  madeEarlier,
  withCompleteSeals,
  withFoldedAnew,
} from "../configuration.ts";
import { isFoldedByOlder, parseToServe } from "../folding.ts";
import { ConfigurationTable } from "./configuration-table.ts";
import { EntryTable } from "./entry-table.ts";
import { HeldEntries } from "./held-entries.ts";
import { nothingToDo, type SealSlice, SealSweep } from "./seal-sweep.ts";
import type { UserCount } from "./user-count.ts";
import { UserTable } from "./user-table.ts";
import { progressOf } from "./walk-state.ts";

export interface ConfigurationEvents {
  /** Called with the store's configuration, as JSON, at first and after each change. */
  readonly onConfiguration?: ((configuration: string) => void) | undefined;
  /** Called for each broken seal that was found and mended. */
  readonly onBrokenSeal?: (() => void) | undefined;
  /** Called for each value that was written and is too long for its index. */
  readonly onTooLong?: (() => void) | undefined;
}

/**
 * The tables of users and of entries, used as the store's configuration says. `create`, `follow`, `progress` and `sweep` are called within
 * a transaction.
 */
export class FollowedConfiguration {
  readonly #database: DatabaseSync;
  readonly #stored: ConfigurationTable;
  readonly #events: ConfigurationEvents;
  readonly #count: UserCount;
  readonly #held: HeldEntries;
  readonly #seals: SealSweep;
  #users: UserTable;
  #entries: EntryTable | undefined;
  /** The stamp of the configuration that it follows; empty for none. */
  #stamp = "";
  /** Undefined if there is none, or it cannot follow it. */
  #configuration: StoreConfiguration | undefined;
  /** Why it cannot follow the store's configuration. */
  #refusal: Error | undefined;

  /** @param count keeps in step with what the table of users writes */
  constructor(database: DatabaseSync, count: UserCount, events: ConfigurationEvents) {
    this.#database = database;
    this.#count = count;
    this.#events = events;
    this.#stored = new ConfigurationTable(database);
    this.#held = new HeldEntries(database);
    this.#seals = new SealSweep(database, this.#held);
    this.#users = this.#usersWith(undefined);
  }

  get users(): UserTable {
    return this.#users;
  }

  /** The entries of the indexes of a generation; undefined if the configuration is of another one, or has no index. */
  entriesOf(generation: number): EntryTable | undefined {
    return this.#configuration?.generation === generation ? this.#entries : undefined;
  }

  /** Whether the store has a configuration. */
  get isThere(): boolean {
    return this.#stored.read() !== undefined;
  }

  /** Gives the store a configuration, if it has none. */
  create(): void {
    if (this.isThere) return;
    this.#stored.write(firstConfiguration(this.#users.isEmpty() ? version() : madeEarlier));
  }

  /**
   * Follows a change by another process.
   *
   * @throws UnknownFeaturesError, ConfigurationError
   */
  follow(): void {
    const stored = this.#stored.read();
    const stamp = stored?.stamp ?? "";
    if (stamp === this.#stamp) {
      this.requireKnown();
      return;
    }
    this.#stamp = stamp;
    this.#refusal = undefined;
    this.#configuration = undefined;
    if (stored === undefined) return;
    this.#events.onConfiguration?.(stored.configuration);
    try {
      const configuration = parseToServe(stored.configuration);
      const { indexes } = configuration;
      this.#entries =
        indexes.length === 0
          ? undefined
          : new EntryTable(this.#database, indexes, this.#held, () => this.#events.onTooLong?.());
      this.#users = this.#usersWith(configuration);
      this.#configuration = configuration;
    } catch (error) {
      this.#refusal = error instanceof Error ? error : new ConfigurationError();
      throw error;
    }
  }

  /** @throws what `follow` has thrown */
  requireKnown(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  /** For what share of the users the work is done that the last change asked for. @param now milliseconds since 1970 */
  progress(now: number): number {
    return this.#configuration === undefined ? 1 : progressOf(this.#database, this.#configuration, now);
  }

  /** To be called before `sweep`, and outside of a transaction. */
  prepareSweep(): void {
    if (this.#entries !== undefined) this.#held.prepare();
  }

  /** Does a slice of background work. @param now milliseconds since 1970 */
  sweep(now: number): SealSlice {
    this.follow();
    const configuration = this.#configuration;
    if (configuration === undefined) return nothingToDo;
    if (isFoldedByOlder(configuration)) {
      this.#stored.write(withFoldedAnew(configuration));
      return { ...nothingToDo, isDone: false };
    }
    const slice = this.#seals.slice(configuration, this.#entries, now);
    for (let n = 0; n < slice.broken; n++) this.#events.onBrokenSeal?.();
    if (slice.work === "seal" && slice.isDone) this.#stored.write(withCompleteSeals(configuration));
    return slice;
  }

  #usersWith(configuration: StoreConfiguration | undefined): UserTable {
    const { generation = 0, seals } = configuration ?? {};
    return new UserTable(this.#database, {
      count: this.#count,
      sealing: seals && { generation, seals, onBroken: () => this.#events.onBrokenSeal?.() },
      entries: this.#entries,
      onStrayEntries: () => this.#seals.checkSoon(),
    });
  }
}
