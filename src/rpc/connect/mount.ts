import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import type { Encoding } from "../messages/request-reader.ts";
import type { NextRequest, StreamMethod, UnaryMethod } from "../method.ts";
import type { UserHandlers } from "../user-handlers.ts";
import { userMethods } from "../user-methods.ts";
import { callOf } from "./call-values.ts";
import { incomingKey } from "./incoming-messages.ts";

/**
 * UserService's methods for Connect's handlers. Connect decodes an empty message in the place of each request, and the request
 * is read from its bytes here: at a cost that its size bounds, and by the same readers as for gRPC.
 *
 * @param encoding of requests and answers
 */
export function userRoutes(handlers: UserHandlers, encoding: Encoding): (router: ConnectRouter) => void {
  return (router) => {
    for (const row of Object.values(userMethods)) {
      if (row.kind === "unary") mountUnary(router, row, handlers, encoding);
      else mountStream(router, row, handlers);
    }
  };
}

function mountUnary(router: ConnectRouter, row: UnaryMethod, handlers: UserHandlers, encoding: Encoding): void {
  const { method, output } = row;
  const isJson = encoding === "json";
  const served = { ...method, input: EmptySchema, output: isJson ? method.output : output };
  router.rpc(served, (_, context) => {
    const call = callOf(context);
    return call.environment.work.unary(call, async () => {
      const answer = await row.answer(handlers, nextIn(context), call);
      return isJson ? fromBinary(method.output, toBinary(output, answer)) : answer;
    });
  });
}

function mountStream(router: ConnectRouter, row: StreamMethod, handlers: UserHandlers): void {
  router.rpc({ ...row.method, input: EmptySchema }, (requests, context) => {
    const call = callOf(context);
    async function* next() {
      for await (const _ of requests) yield nextIn(context);
    }
    return call.environment.work.stream(call, (stop) => row.answers(handlers, next(), call, stop));
  });
}

function nextIn({ values }: HandlerContext): NextRequest {
  const incoming = values.get(incomingKey);
  if (incoming === undefined) throw new Error("the request's messages are not kept");
  return (reader) => incoming.next(reader);
}
