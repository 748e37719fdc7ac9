import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { command } from "./commands.ts";
import { openRedis } from "./stores.ts";
import { until } from "./until.ts";

/** Opens a store as a server does, perhaps writes a user, and waits until the store has its configuration. */
export async function useStore(url: string, id?: string): Promise<void> {
  const location = parseStoreLocation(url);
  const store = location.kind === "sqlite" ? await openSqliteStore(location.path) : await openRedis(url);
  await until(() => store.check().then(() => store.configuration() !== undefined));
  if (id !== undefined) await store.write([command(id, { n: 1 })]);
  await store.close();
}
