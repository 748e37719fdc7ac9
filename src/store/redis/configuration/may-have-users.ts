import { unpackIds } from "../../packed/packed.ts";
import { runScript } from "../call-runner.ts";
import { replyCode } from "../failures.ts";
import { everyPartition, type Keys } from "../keys.ts";
import { loadScript } from "../script.ts";
import type { Servers } from "../servers/servers.ts";

export const listScript = loadScript("wrong-type", "ids", "list");

interface ListedStore {
  readonly servers: Servers;
  readonly keys: Keys;
}

/**
 * Whether users are listed, or something else has overwritten a listing.
 *
 * @throws UserError STORE_UNAVAILABLE
 */
export async function mayHaveUsers({ servers, keys }: ListedStore): Promise<boolean> {
  const mayHave = async (partition: number) => {
    const call = { script: listScript, keys: [keys.ids(partition)], args: ["", 1], writes: false };
    try {
      return unpackIds((await runScript(servers, partition, call)).bytes).length > 0;
    } catch (error) {
      if (replyCode(error) !== "WRONGTYPE") throw error;
      return true;
    }
  };
  return (await Promise.all(everyPartition.map(mayHave))).includes(true);
}
