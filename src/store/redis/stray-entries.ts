import { readEntry } from "../../users/indexes/entries.ts";
import type { Present } from "../configuration.ts";
import type { Slice } from "../sweeper.ts";
import { runScript } from "./call-runner.ts";
import { userOfEntry } from "./entry-homes.ts";
import { findScript, searchArguments, unpackSearches } from "./find-entries.ts";
import type { Keys } from "./keys.ts";
import { loadScript } from "./script.ts";
import type { Servers } from "./servers/servers.ts";
import { rulesOf } from "./write-rules.ts";

export const strayScript = loadScript("deadline", "configuration", "entry-starts", "sweep-entries");

/** What a slice looks at, at most. */
const sliceEntries = 128;
const beginning = Buffer.alloc(0);
/** Behind all entries: no value begins with this byte. */
const end = Buffer.of(0xff, 0xff, 0xff);

/**
 * Removes entries that no user has, slice by slice. A server that knows no indexes leaves them behind when it deletes a user, or writes
 * one anew.
 */
export class StrayEntries {
  readonly #servers: Servers;
  readonly #keys: Keys;
  #partition: number | undefined;
  /** The last entry that was looked at. It has a value of a user, and so is not stored. */
  #after = beginning;

  constructor(servers: Servers, keys: Keys) {
    this.#servers = servers;
    this.#keys = keys;
  }

  begin(partition: number): void {
    this.#partition = partition;
    this.#after = beginning;
  }

  /** Whether it has begun with a partition, and not come to its end. */
  isIn(partition: number): boolean {
    return this.#partition === partition;
  }

  /** @throws UserError STORE_UNAVAILABLE; StaleConfigurationError */
  async slice(partition: number, { stamp, configuration }: Present): Promise<Slice> {
    const { packed } = rulesOf(configuration);
    const search = {
      feeds: [{ partition, after: this.#after, isOpen: true }],
      isOfFew: false,
      before: end,
      count: sliceEntries,
    };
    const common = [this.#keys.configuration(partition), this.#keys.entries(partition)];
    const { bytes } = await runScript(this.#servers, partition, {
      script: findScript,
      keys: common,
      args: [stamp, packed, 1, 1, ...searchArguments(search, [partition])],
      writes: false,
    });
    const [[found = []] = []] = unpackSearches([bytes], [search]);
    // What cannot be read is left to rollcall verify.
    const users = found.flatMap(({ entry }) => {
      const id = readEntry(entry)?.id;
      return id === undefined
        ? []
        : [{ entry: Buffer.from(entry), key: userOfEntry(this.#servers, this.#keys, partition, id) }];
    });
    if (users.length > 0) {
      await runScript(this.#servers, partition, {
        script: strayScript,
        keys: [...common, ...users.map(({ key }) => key)],
        args: [stamp, packed, this.#keys.bytesBeforeId, ...users.map(({ entry }) => entry)],
        writes: true,
      });
    }
    const isDone = found.length < sliceEntries;
    this.#after = Buffer.from(found.at(-1)?.entry ?? this.#after);
    if (isDone) this.#partition = undefined;
    return { work: "check", items: found.length, isDone };
  }
}
