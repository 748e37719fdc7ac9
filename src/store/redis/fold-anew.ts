/** Has the indexes of a store in Redis built anew that an older table has folded. */
import { withFoldedAnew } from "../configuration.ts";
import { isFoldedByOlder } from "../folding.ts";
import type { SweptStore } from "../sweeper.ts";
import { agreedOn, setConfiguration } from "./configuration/agreement.ts";
import type { KnownConfigurations } from "./configuration/known-configurations.ts";
import { everyPartition, type Keys } from "./keys.ts";
import type { Servers } from "./servers/servers.ts";

interface FoldedStore {
  readonly servers: Servers;
  readonly keys: Keys;
  readonly known: KnownConfigurations;
}

/** Background work that changes such a configuration first. Older servers that sweep leave it as it is. */
export function foldingAnew(store: FoldedStore, swept: SweptStore): SweptStore {
  return {
    partitions: swept.partitions,
    get generation() {
      return swept.generation;
    },
    readLease: () => swept.readLease(),
    setLease: (expected, next) => swept.setLease(expected, next),
    async sweep(partition) {
      if (await foldAnew(store)) return { work: undefined, items: 0, isDone: false };
      return swept.sweep(partition);
    },
    onAllDone: () => swept.onAllDone(),
  };
}

/** @returns whether there was something to change */
async function foldAnew({ servers, keys, known }: FoldedStore): Promise<boolean> {
  const current = agreedOn(known.all);
  if (current === undefined || !isFoldedByOlder(current.configuration)) return false;
  await setConfiguration({ servers, keys }, everyPartition, current.stamp, withFoldedAnew(current.configuration));
  await known.readAll();
  return true;
}
