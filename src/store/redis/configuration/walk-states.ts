/** How far walks over the users of a partition have come, as the partition itself says. */
import type { StoreConfiguration } from "../../../users/store-configuration.ts";
import { hasSealed, noWalk, type WalkState } from "../../seal-walk.ts";
import type { Keys } from "../keys.ts";
import { readHash } from "../read-hash.ts";
import type { Servers } from "../servers/servers.ts";

export async function readState(servers: Servers, keys: Keys, partition: number): Promise<WalkState> {
  const fields = ["walk", "after", "done"];
  const [name, after = "", done = ""] = await readHash(servers, partition, keys.sweep(partition), fields);
  if (name === undefined) return noWalk;
  return { name, after, doneAt: done === "" ? undefined : Number(done) };
}

/** Whether all users of some partitions have been sealed for a configuration. */
export async function areSealed(
  { servers, keys }: { readonly servers: Servers; readonly keys: Keys },
  partitions: readonly number[],
  configuration: StoreConfiguration,
): Promise<boolean> {
  const states = await Promise.all(partitions.map((partition) => readState(servers, keys, partition)));
  return states.every((state) => hasSealed(state, configuration));
}
