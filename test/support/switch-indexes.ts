/** Gives stores indexes while servers use them. */
import { createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GetRegistryResponse_Index_State as State, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { version } from "../../src/config/version.ts";
import { openAdministration } from "../../src/server/open-store.ts";
import { firstConfiguration, withIndexes } from "../../src/store/configuration.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { parseIndexedProperties } from "../../src/users/indexes/indexed-property.ts";
import { until } from "./until.ts";

/** What asks a server how far its indexes are. */
export interface AskedServer {
  readonly transport: Transport;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Servers follow a change within a second, and a walk over a few users takes less. */
const timeoutMs = 20_000;

/**
 * Switches to these indexes, and waits until a server can use all of them.
 *
 * @param store as `--store` takes it
 * @param indexes as `rollcall indexes set` takes them
 */
export async function switchIndexes(store: string, indexes: string, server: string | AskedServer): Promise<void> {
  await changeIndexes(store, indexes);
  await untilIndexes(indexes, State.READY, server);
}

/** Changes the store's configuration. Servers follow later. */
export async function changeIndexes(store: string, indexes: string): Promise<void> {
  const administration = await openAdministration(parseStoreLocation(store), {}, createLogger("silent"));
  try {
    const { current } = await administration.read();
    const configuration = current.configuration ?? firstConfiguration(version()).configuration;
    const changed = await administration.change(current, withIndexes(configuration, parseIndexedProperties(indexes)));
    if (!changed) throw new Error("another has changed the configuration meanwhile");
  } finally {
    administration.close();
  }
}

/** Waits until a server has these indexes, all in one state. */
export async function untilIndexes(indexes: string, state: State, server: string | AskedServer): Promise<void> {
  const { transport, headers = {} } =
    typeof server === "string" ? { transport: createGrpcTransport({ baseUrl: server }) } : server;
  const users = createClient(UserService, transport);
  const expected = parseIndexedProperties(indexes).map(({ property, folded }) => ({ property, folded, state }));
  await until(async () => {
    const { indexes: found } = await users.getRegistry({}, { headers });
    const seen = found.map(({ property, folded, state }) => ({ property, folded, state }));
    return JSON.stringify(seen) === JSON.stringify(expected);
  }, timeoutMs);
}
