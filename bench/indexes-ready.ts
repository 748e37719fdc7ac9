import { GetRegistryResponse_Index_State } from "../gen/es/rollcall/v1/user_service_pb.js";
import { createRollcallClient } from "../src/client/index.ts";
import { until } from "../test/support/until.ts";

/** The most that the building of an index may take. */
const patienceMs = 300_000;

/** Resolves once a server has indexes, and all are ready. */
export async function indexesReady(port: number): Promise<void> {
  const client = createRollcallClient(`http://127.0.0.1:${port}`);
  await until(async () => {
    const { indexes } = await client.getRegistry({});
    return indexes.length > 0 && indexes.every(({ state }) => state === GetRegistryResponse_Index_State.READY);
  }, patienceMs);
}
