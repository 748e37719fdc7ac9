/** Calls that end while Connect's handlers serve them. */
import { once } from "node:events";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import type { Call } from "../../src/rpc/call/call.ts";
import { callOf } from "../../src/rpc/connect/call-values.ts";
import { createConnectHandler } from "../../src/rpc/connect/handler.ts";
import { EvictionQueue } from "../../src/rpc/guard/eviction.ts";
import { OpenRequests } from "../../src/rpc/guard/open-requests.ts";
import { Turns } from "../../src/rpc/guard/turns.ts";
import { userMethodsByPath } from "../../src/rpc/user-methods.ts";
import { Http2Exchange } from "../../src/transport/node-http2/exchange.ts";
import { callEnvironment } from "../support/call-environment.ts";
import { messageOf, openStream } from "../support/grpc-streams.ts";
import { until } from "../support/until.ts";

const { batchIdentify, getUser } = UserService.method;

/** A client of a server whose methods are served so, through Connect. */
async function openSession(routes: (router: ConnectRouter) => void, environment = callEnvironment()) {
  const handle = createConnectHandler(
    {
      binaryRoutes: [routes],
      jsonRoutes: [routes],
      methods: userMethodsByPath,
      openRequests: new OpenRequests(new EvictionQueue(10), () => {}),
      turns: new Turns(),
    },
    environment,
  );
  const server = createServer()
    .on("stream", (stream, headers, _, rawHeaders) => handle(new Http2Exchange(stream, headers, rawHeaders)))
    .listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  return session;
}

test("a stream that is evicted around its first answer ends, whichever of them comes first", async () => {
  let open = 0;
  let evictAfter = 0;
  async function* serve(call: Call) {
    open++;
    try {
      const evict = async () => {
        for (let left = evictAfter; left > 0; left--) await undefined;
        call.evict();
      };
      void evict();
      yield {};
      if (!call.signal.aborted) await once(call.signal, "abort");
    } finally {
      open--;
    }
  }
  const session = await openSession((router) =>
    router.rpc(batchIdentify, (_, context: HandlerContext) => {
      const call = callOf(context);
      return call.environment.work.stream(call, () => serve(call));
    }),
  );
  for (; evictAfter < 100; evictAfter++) {
    const stream = openStream(session, batchIdentify, {})
      .on("error", () => {})
      .resume();
    stream.end(messageOf(batchIdentify, {}));
    await once(stream, "close");
    await new Promise(setImmediate);
    expect(open, `evicted after ${evictAfter} microtasks`).toBe(0);
  }
});

test("a GET is not evicted as a call whose request is incomplete", async () => {
  const answer = Promise.withResolvers<object>();
  let served = 0;
  const session = await openSession(
    (router) =>
      router.rpc(getUser, () => {
        served++;
        return answer.promise;
      }),
    callEnvironment({ arriving: new EvictionQueue(1) }),
  );
  const path = `/${getUser.parent.typeName}/${getUser.name}?connect=v1&encoding=json&message={}`;
  const statuses = [1, 2].map(async (count) => {
    const [headers] = await once(session.request({ ":path": path }).resume(), "response");
    return [count, headers[":status"]];
  });
  await until(() => served === 2);
  answer.resolve({});
  expect(await Promise.all(statuses)).toEqual([
    [1, 200],
    [2, 200],
  ]);
});
