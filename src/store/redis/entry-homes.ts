/**
 * Which sorted set holds the entries of a user. A single server keeps the entries of all users in the set of the first partition, so a
 * search looks into one set instead of 64. In a cluster each partition keeps its own, because one script writes a user and its entries.
 * A store that moves from one to the other has its indexes built anew: see `spread` in the configuration.
 */
import { UnknownFeaturesError } from "../../users/features.ts";
import { isMaintained } from "../../users/indexes/indexed-property.ts";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import type { UserId } from "../../users/user-id.ts";
import { everyPartition, type Keys } from "./keys.ts";
import type { Servers } from "./servers/servers.ts";

type ServerKind = Pick<Servers, "partitioned">;

const first = 0;
const firstAlone = [first] as const;

/** The partition whose set has the entries of a partition's users. */
export function entryHome({ partitioned }: ServerKind, partition: number): number {
  return partitioned ? partition : first;
}

/** The partitions whose sets have entries. */
export function entryHomes({ partitioned }: ServerKind): readonly number[] {
  return partitioned ? everyPartition : firstAlone;
}

/** The key of a user who has an entry in a partition's set. */
export function userOfEntry({ partitioned }: ServerKind, keys: Keys, partition: number, id: UserId): string {
  // A script may use no key of another partition, whatever an entry says.
  return partitioned ? keys.userIn(partition, id) : keys.user(id);
}

/** Whether servers of the other kind have built the indexes: a single server for a cluster, or the other way round. */
export function areElsewhere({ partitioned }: ServerKind, { indexes, spread }: StoreConfiguration): boolean {
  return spread !== undefined && spread !== partitioned && indexes.some(isMaintained);
}

/** For what compares entries with users. @throws UnknownFeaturesError if servers of the other kind have built the indexes */
export function requireHere(servers: ServerKind, configuration: StoreConfiguration): void {
  if (!areElsewhere(servers, configuration)) return;
  const [there, here] = servers.partitioned ? ["a single server", "a cluster"] : ["a cluster", "a single server"];
  throw new UnknownFeaturesError(
    `indexes that were built on ${there}, and this is ${here}`,
    "start a server of Rollcall, which builds them anew, and wait until rollcall indexes list says that they are ready",
  );
}
