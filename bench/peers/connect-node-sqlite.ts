/** UserService with stock connect-node, over Rollcall's own store in SQLite: `node connect-node-sqlite.ts FILE`. */

import { createServer } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { Admission } from "../../src/rpc/admission.ts";
import { createUserHandlers } from "../../src/rpc/user-handlers.ts";
import { binaryUserRoutes } from "../../src/rpc/user-routes.ts";
import { coalesce } from "../../src/store/coalescing-store.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { createEtagSource } from "../../src/users/etag.ts";
import { requiredProperties } from "../../src/users/identify.ts";
import { createUserRegistry } from "../../src/users/registry.ts";
import { announce } from "./announce.ts";

const registry = createUserRegistry({
  store: coalesce(await openSqliteStore(process.argv[2] ?? ""), defaultServerLimits.maxWaitingBytes),
  required: requiredProperties(["name", "email"]),
  drawEtag: createEtagSource(),
});
const handlers = createUserHandlers({
  registry,
  admission: new Admission(defaultServerLimits),
  draining: new AbortController().signal,
});
const server = createServer(connectNodeAdapter({ routes: binaryUserRoutes(handlers) }));
server.listen(0, "127.0.0.1", () => announce(server.address()));
