/** UserService with stock connect-node, over Rollcall's own store in SQLite: `node connect-node-sqlite.ts FILE`. */

import { createServer } from "node:http2";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import {
  BatchIdentifyRequestSchema,
  GetUserRequestSchema,
  GetUserResponseSchema,
  IdentifyRequestSchema,
  IdentifyResponseSchema,
} from "#gen-server/rollcall/server/v1/wire_pb.js";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { anybody } from "../../src/credentials/principal.ts";
import type { CallContext } from "../../src/rpc/call/call-context.ts";
import { createDisclosure } from "../../src/rpc/disclosure.ts";
import { Semaphore } from "../../src/rpc/guard/semaphore.ts";
import { Turns } from "../../src/rpc/guard/turns.ts";
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
  version: "bench",
  disclosure: createDisclosure("applied"),
  batchWork: new Semaphore(defaultServerLimits.maxBatchWorkBytes),
  reads: new Semaphore(defaultServerLimits.maxReadBytes),
  turns: new Turns(),
});
const contextOf = ({ signal }: HandlerContext): CallContext => ({
  signal,
  principal: anybody,
  encoding: "binary",
  hold: () => {},
});
const routes = (router: ConnectRouter) => {
  const { identify, getUser, batchIdentify } = UserService.method;
  router.rpc({ ...identify, input: IdentifyRequestSchema, output: IdentifyResponseSchema }, async (request, context) =>
    identifyMessage(await handlers.identify(request, contextOf(context))),
  );
  router.rpc({ ...getUser, input: GetUserRequestSchema, output: GetUserResponseSchema }, async (request, context) =>
    oneUserMessage(await handlers.getUser(request, contextOf(context))),
  );
  router.rpc({ ...batchIdentify, input: BatchIdentifyRequestSchema }, async function* (requests, context) {
    async function* messages() {
      for await (const { requests: items, report } of requests) yield { requests: items, report, messageBytes: 0 };
    }
    yield* handlers.batchIdentify(messages(), contextOf(context), context.signal);
  });
};
const server = createServer(connectNodeAdapter({ routes }));
server.listen(0, "127.0.0.1", () => announce(server.address()));
