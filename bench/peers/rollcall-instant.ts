/** Rollcall over a store that answers at once and keeps nothing. It shows what the server costs alone. */
import { pino } from "pino";
import { startServerOver } from "../../src/server/server.ts";
import type { StoreAdapter } from "../../src/store/adapter.ts";

const store: StoreAdapter = {
  shape: {
    lanes: 4,
    laneOf: (id) => id.charCodeAt(id.length - 1) % 4,
    mixed: true,
    maxUsers: 128,
    maxBytes: 64 * 1024,
  },
  write: async (commands) =>
    commands.map(({ etag }) => ({ outcome: "created", etag, user: undefined, ignored: [] as const })),
  get: async (ids) => ids.map(() => undefined),
  list: async () => [],
  entries: async () => [],
  countEntries: async () => 0,
  count: async () => 0,
  progress: async () => ({ done: 0, total: 0 }),
  configuration: () => undefined,
  check: async () => [],
  warnings: async () => [],
  close: async () => {},
};

const server = await startServerOver(store, {
  listen: { host: "127.0.0.1", port: 0 },
  requiredProperties: ["name", "email"],
  drainTimeoutMs: 1_000,
  storeSystem: "redis",
  logger: pino({ level: "error" }),
});
process.on("SIGTERM", () => server.drain());
process.send?.({ port: server.address.port });
