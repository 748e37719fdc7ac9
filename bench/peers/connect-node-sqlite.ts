/** UserService with stock connect-node, over Rollcall's own store in SQLite: `node connect-node-sqlite.ts FILE`. */

import { createServer } from "node:http2";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { anybody } from "../../src/credentials/principal.ts";
import type { CallContext } from "../../src/rpc/call-context.ts";
import { createDisclosure } from "../../src/rpc/disclosure.ts";
import { Admission } from "../../src/rpc/guard/admission.ts";
import { WorkRoom } from "../../src/rpc/guard/semaphore.ts";
import { Turns } from "../../src/rpc/guard/turns.ts";
import { wireMethods } from "../../src/rpc/messages/wire-methods.ts";
import { createUserHandlers } from "../../src/rpc/user-handlers.ts";
import { identifyMessage, oneUserMessage } from "../../src/rpc/user-messages.ts";
import { coalesce } from "../../src/store/lanes/coalescing-store.ts";
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
  disclosure: createDisclosure("applied"),
  admission: new Admission(defaultServerLimits),
  draining: new AbortController().signal,
  batchRoom: new WorkRoom(defaultServerLimits.maxBatchWorkBytes),
  readRoom: new WorkRoom(defaultServerLimits.maxReadBytes),
  turns: new Turns(),
  recheckMs: defaultServerLimits.recheckMs,
});
const contextOf = ({ signal }: HandlerContext): CallContext => ({
  signal,
  caller: anybody,
  admittedAt: performance.now(),
  recheck: async () => {},
  hold: () => {},
  report: console.error,
});
const routes = (router: ConnectRouter) => {
  router.rpc(wireMethods.identify, async (request, context) =>
    identifyMessage(await handlers.identify(request, contextOf(context))),
  );
  router.rpc(wireMethods.getUser, async (request, context) =>
    oneUserMessage(await handlers.getUser(request, contextOf(context))),
  );
  router.rpc(wireMethods.batchIdentify, async function* (requests, context) {
    async function* messages() {
      for await (const { requests: items, report } of requests) yield { requests: items, report, messageBytes: 0 };
    }
    yield* handlers.batchIdentify(messages(), contextOf(context));
  });
};
const server = createServer(connectNodeAdapter({ routes }));
server.listen(0, "127.0.0.1", () => announce(server.address()));
