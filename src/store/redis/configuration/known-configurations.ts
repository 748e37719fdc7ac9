import { storeUnavailable } from "../../../users/errors.ts";
import { UnknownFeaturesError } from "../../../users/features.ts";
import type { StoreConfiguration } from "../../../users/store-configuration.ts";
import { ConfigurationError, noConfiguration, type Stamped } from "../../configuration.ts";
import { replyCode } from "../failures.ts";
import { everyPartition, type Keys, partitionCount } from "../keys.ts";
import { readHash } from "../read-hash.ts";
import type { Servers } from "../servers/servers.ts";

/** A configuration that this version cannot follow, and why. */
interface Refused {
  readonly stamp: string;
  readonly failure: Error;
}

type Known = Stamped | Refused;

type Parse = (text: string) => StoreConfiguration;

const fields = ["stamp", "configuration"];

/**
 * The configuration of each partition, as this process last read it. Partitions differ while a change is under way, and after a
 * failover has lost one.
 */
export class KnownConfigurations {
  readonly #servers: Servers;
  readonly #keys: Keys;
  readonly #parse: Parse;
  #unknown: Error | undefined;
  readonly #known = new Array<Known>(partitionCount).fill(noConfiguration);

  /** @param parse reads the stored form, and throws an error for what the caller cannot follow */
  constructor(servers: Servers, keys: Keys, parse: Parse) {
    this.#servers = servers;
    this.#keys = keys;
    this.#parse = parse;
  }

  /** @throws UserError STORE_UNAVAILABLE if this version cannot follow it */
  of(partition: number): Stamped {
    const known = this.#known[partition] ?? noConfiguration;
    if ("failure" in known) throw storeUnavailable(known.failure);
    return known;
  }

  /**
   * Of all partitions. One that cannot be read has a stamp and no configuration.
   *
   * @throws UserError STORE_UNAVAILABLE if a newer version has configured the store
   */
  get all(): readonly Stamped[] {
    this.requireKnownFeatures();
    return this.#known.map((known) => ("failure" in known ? { stamp: known.stamp, configuration: undefined } : known));
  }

  /** Whether this version knows all features of the store, as far as it has read. */
  get knowsFeatures(): boolean {
    return this.#unknown === undefined;
  }

  /** @throws UserError STORE_UNAVAILABLE if a newer version has configured the store */
  requireKnownFeatures(): void {
    if (this.#unknown !== undefined) throw storeUnavailable(this.#unknown);
  }

  /**
   * Reads the configuration of a partition, also while its slot is moving.
   *
   * @throws UserError STORE_UNAVAILABLE
   */
  async read(partition: number): Promise<void> {
    const next = await this.#read(partition);
    if (this.#known[partition]?.stamp === next.stamp) return;
    this.#known[partition] = next;
    this.#unknown = this.#known
      .map((known) => ("failure" in known ? known.failure : undefined))
      .find((failure) => failure instanceof UnknownFeaturesError);
  }

  async #read(partition: number): Promise<Known> {
    try {
      const [stamp, text = ""] = await readHash(this.#servers, partition, this.#keys.configuration(partition), fields);
      return stamp === undefined ? noConfiguration : this.#from(stamp, text);
    } catch (error) {
      if (replyCode(error) !== "WRONGTYPE") throw error;
      return { stamp: "WRONGTYPE", failure: new ConfigurationError() };
    }
  }

  #from(stamp: string, text: string): Known {
    try {
      return { stamp, configuration: this.#parse(text) };
    } catch (error) {
      return { stamp, failure: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  /** Reads all of them. @returns the partitions that could not be read, whose primaries are away */
  async readAll(): Promise<readonly number[]> {
    const away: number[] = [];
    await Promise.all(
      everyPartition.map((partition) =>
        this.read(partition).catch(() => {
          away.push(partition);
        }),
      ),
    );
    return away;
  }
}
