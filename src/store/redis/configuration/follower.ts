import { version } from "../../../config/version.ts";
import { UserError } from "../../../users/errors.ts";
import { firstConfiguration, madeEarlier, type Present } from "../../configuration.ts";
import { everyPartition, type Keys } from "../keys.ts";
import type { Servers } from "../servers/servers.ts";
import { agreedOn, complete, setConfiguration } from "./agreement.ts";
import type { KnownConfigurations } from "./known-configurations.ts";
import { mayHaveUsers } from "./may-have-users.ts";

interface FollowedStore {
  readonly servers: Servers;
  readonly keys: Keys;
  readonly known: KnownConfigurations;
}

/**
 * Follows the configuration of all partitions: reads it, gives one to a store that has none, and completes a change that has not
 * reached all partitions, or that a failover has undone in one of them.
 *
 * @returns a function that does so once. It rejects with STORE_UNAVAILABLE if a newer version has configured the store
 */
export function createFollower({ known, ...store }: FollowedStore): () => Promise<void> {
  async function create(): Promise<void> {
    const first = firstConfiguration((await mayHaveUsers(store)) ? madeEarlier : version());
    // Of several servers that do this at once, the first to reach the first partition wins.
    await setConfiguration(store, everyPartition, "", first);
    await known.readAll();
  }

  /** The last configuration that it has seen: if all partitions lose theirs, the store gets this one back. */
  let last: Present | undefined;

  return async () => {
    const away = await known.readAll();
    known.requireKnownFeatures();
    last = agreedOn(known.all) ?? last;
    // Writes work meanwhile, and the next time may be better: a server may have no memory, or be away.
    const later = (error: unknown) => {
      if (!(error instanceof UserError)) throw error;
    };
    const there = everyPartition.filter((partition) => !away.includes(partition));
    if (last === undefined) {
      if (away.length === 0) await create().catch(later);
    } else if (await complete(store, known.all, last, there).catch(later)) await known.readAll();
  };
}
