/** UserService's methods for Connect's handlers, which serve every protocol but plain gRPC. */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import type { CallContext } from "../call-context.ts";
import { callContext } from "../guard/gate.ts";
import { type Encoding, type RequestReader, userRequests } from "../messages/user-requests.ts";
import { wireMethods } from "../messages/wire-methods.ts";
import type { UserHandlers } from "../user-handlers.ts";
import {
  binarySize,
  identifyMessage,
  jsonSize,
  oneUserMessage,
  pageMessage,
  usersFoundMessage,
} from "../user-messages.ts";
import { incomingKey } from "./incoming-messages.ts";

/**
 * Connect decodes an empty message in the place of each request, and the request is read from its bytes here: at a cost that
 * its size bounds, and by the same readers as for plain gRPC.
 *
 * @param encoding of requests and answers
 */
export function userRoutes(handlers: UserHandlers, encoding: Encoding): (router: ConnectRouter) => void {
  const { identify, getUser, batchIdentify, batchGetUsers, listUsers, setPreferences, deleteUser } = UserService.method;
  const wire = wireMethods;
  const sizeOf = encoding === "json" ? jsonSize : binarySize;
  return (router) => {
    const unary = <Wire extends DescMessage, Request>(
      method: DescMethodUnary,
      output: Wire,
      reader: RequestReader<Request>,
      serve: (request: Request, context: CallContext) => Promise<MessageInitShape<Wire>>,
    ) => {
      const served = { ...method, input: EmptySchema, output: encoding === "json" ? method.output : output };
      router.rpc(served, async (_, context) => {
        const answer = await serve(await next(context, reader), callContext(context));
        return encoding === "json" ? fromWire(output, answer, method.output) : create(output, answer);
      });
    };
    unary(identify, wire.identify.output, userRequests.identify, async (request, context) =>
      identifyMessage(await handlers.identify(request, context)),
    );
    unary(getUser, wire.getUser.output, userRequests.getUser, async (request, context) =>
      oneUserMessage(await handlers.getUser(request, context)),
    );
    unary(batchGetUsers, wire.batchGetUsers.output, userRequests.batchGetUsers, async (request, context) =>
      usersFoundMessage(await handlers.batchGetUsers(request, context, sizeOf)),
    );
    unary(listUsers, wire.listUsers.output, userRequests.listUsers, async (request, context) =>
      pageMessage(await handlers.listUsers(request, context, sizeOf)),
    );
    unary(setPreferences, wire.setPreferences.output, userRequests.setPreferences, async (request, context) =>
      oneUserMessage(await handlers.setPreferences(request, context)),
    );
    unary(deleteUser, wire.deleteUser.output, userRequests.deleteUser, async (request, context) => {
      await handlers.deleteUser(request, context);
      return {};
    });
    router.rpc({ ...batchIdentify, input: EmptySchema }, async function* (requests, context) {
      async function* batches() {
        for await (const _ of requests) yield next(context, userRequests.batchIdentify);
      }
      yield* handlers.batchIdentify(batches(), callContext(context));
    });
  };
}

/** @throws ConnectError for a request that cannot be read */
function next<Request>({ values }: HandlerContext, reader: RequestReader<Request>): Promise<Request> {
  const incoming = values.get(incomingKey);
  if (incoming === undefined) throw new Error("the request's messages are not kept");
  return incoming.next(reader);
}

function fromWire<From extends DescMessage, To extends DescMessage>(
  from: From,
  message: MessageInitShape<From>,
  to: To,
): MessageShape<To> {
  return fromBinary(to, toBinary(from, create(from, message)));
}
