/** Rollcall over Redis with one script call for each user: `node rollcall-uncoalesced.ts redis://…`. */
import { pino } from "pino";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openStore } from "../../src/server/open-store.ts";
import { startServerOver } from "../../src/server/server.ts";

const logger = pino({ level: "error" });
const redis = await openStore(parseStoreLocation(process.argv[2] ?? ""), {}, logger);
const one = <Item, Result>(work: (items: readonly Item[]) => Promise<readonly Result[]>) => {
  return async (items: readonly Item[]) => (await Promise.all(items.map((item) => work([item])))).flat();
};

const server = await startServerOver(
  { ...redis, write: one((commands) => redis.write(commands)), get: one((ids) => redis.get(ids)) },
  {
    listen: { host: "127.0.0.1", port: 0 },
    requiredProperties: ["name", "email"],
    drainTimeoutMs: 1_000,
    storeSystem: "redis",
    logger,
  },
);
process.on("SIGTERM", () => server.drain());
process.send?.({ port: server.address.port });
