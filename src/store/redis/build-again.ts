/** Has indexes of a store in Redis built again that an older table has folded, or servers of the other kind have built. */
import { type Present, withEntriesMoved, withFoldedAnew } from "../configuration.ts";
import { isFoldedByOlder } from "../folding.ts";
import { agreedOn, setConfiguration } from "./configuration/agreement.ts";
import type { KnownConfigurations } from "./configuration/known-configurations.ts";
import { areElsewhere } from "./entry-homes.ts";
import { everyPartition, type Keys } from "./keys.ts";
import type { Servers } from "./servers/servers.ts";

interface ChangedStore {
  readonly servers: Servers;
  readonly keys: Keys;
  readonly known: KnownConfigurations;
}

/**
 * Changes such a configuration. Older servers that sweep leave it as it is.
 *
 * @returns whether there was something to change
 */
export async function buildAgain({ servers, keys, known }: ChangedStore): Promise<boolean> {
  const current = agreedOn(known.all);
  const next = current && changeOf(servers, current);
  if (current === undefined || next === undefined) return false;
  await setConfiguration({ servers, keys }, everyPartition, current.stamp, next);
  await known.readAll();
  return true;
}

function changeOf(servers: Servers, { configuration }: Present): Present | undefined {
  if (areElsewhere(servers, configuration)) return withEntriesMoved(configuration);
  return isFoldedByOlder(configuration) ? withFoldedAnew(configuration) : undefined;
}
