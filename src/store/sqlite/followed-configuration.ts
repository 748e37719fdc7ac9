import type { DatabaseSync } from "node:sqlite";
import { version } from "../../config/version.ts";
import {
  ConfigurationError,
  firstConfiguration,
  madeEarlier,
  parseConfiguration,
  withCompleteSeals,
} from "../configuration.ts";
import { ConfigurationTable } from "./configuration-table.ts";
import { nothingToDo, type SealSlice, sweepSeals } from "./seal-sweep.ts";
import { UserTable } from "./user-table.ts";

export interface ConfigurationEvents {
  /** Called with the store's configuration, as JSON, at first and after each change. */
  readonly onConfiguration?: ((configuration: string) => void) | undefined;
  /** Called for each broken seal that was found and mended. */
  readonly onBrokenSeal?: (() => void) | undefined;
}

/** The table of users, used as the store's configuration says. `create`, `follow` and `sweep` are called within a transaction. */
export class FollowedConfiguration {
  readonly #database: DatabaseSync;
  readonly #stored: ConfigurationTable;
  readonly #events: ConfigurationEvents;
  #users: UserTable;
  /** The stamp of the configuration that it follows; empty for none. */
  #stamp = "";
  /** Why it cannot follow the store's configuration. */
  #refusal: Error | undefined;

  constructor(database: DatabaseSync, events: ConfigurationEvents) {
    this.#database = database;
    this.#events = events;
    this.#stored = new ConfigurationTable(database);
    this.#users = new UserTable(database);
  }

  get users(): UserTable {
    return this.#users;
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
    if (stored === undefined) return;
    this.#events.onConfiguration?.(stored.configuration);
    try {
      const { generation, seals } = parseConfiguration(stored.configuration);
      const onBroken = () => this.#events.onBrokenSeal?.();
      this.#users = new UserTable(this.#database, seals && { generation, seals, onBroken });
    } catch (error) {
      this.#refusal = error instanceof Error ? error : new ConfigurationError();
      throw error;
    }
  }

  /** @throws what `follow` has thrown */
  requireKnown(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  /** Does a slice of background work. @param now milliseconds since 1970 */
  sweep(now: number): SealSlice {
    this.follow();
    const stored = this.#stored.read();
    if (stored === undefined) return nothingToDo;
    const configuration = parseConfiguration(stored.configuration);
    const slice = sweepSeals(this.#database, configuration, now);
    for (let n = 0; n < slice.broken; n++) this.#events.onBrokenSeal?.();
    if (slice.work === "seal" && slice.isDone) this.#stored.write(withCompleteSeals(configuration));
    return slice;
  }
}
