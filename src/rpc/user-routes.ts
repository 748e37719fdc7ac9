import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { ConnectError, ConnectRouter } from "@connectrpc/connect";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { invalidRequest } from "../users/errors.ts";
import { formatPath, type Path } from "../users/field-path.ts";
import { describeError } from "./errors.ts";
import { callContext } from "./gate.ts";
import { illFormedText } from "./json-text.ts";
import type { UserHandlers } from "./user-handlers.ts";
import {
  binarySize,
  identifyMessage,
  jsonSize,
  oneUserMessage,
  pageMessage,
  usersFoundMessage,
} from "./user-messages.ts";
import { wireMethods } from "./wire-methods.ts";

/** UserService for callers that send protobuf's binary encoding. */
export function binaryUserRoutes(handlers: UserHandlers): (router: ConnectRouter) => void {
  return (router) => {
    router.rpc(wireMethods.identify, async (request, context) =>
      identifyMessage(await handlers.identify(request, callContext(context))),
    );
    router.rpc(wireMethods.getUser, async (request, context) =>
      oneUserMessage(await handlers.getUser(request, callContext(context))),
    );
    router.rpc(wireMethods.batchIdentify, (requests, context) =>
      handlers.batchIdentify(requests, callContext(context)),
    );
    router.rpc(wireMethods.batchGetUsers, async (request, context) =>
      usersFoundMessage(await handlers.batchGetUsers(request, callContext(context), binarySize)),
    );
    router.rpc(wireMethods.listUsers, async (request, context) =>
      pageMessage(await handlers.listUsers(request, callContext(context), binarySize)),
    );
    router.rpc(wireMethods.setPreferences, async (request, context) =>
      oneUserMessage(await handlers.setPreferences(request, callContext(context))),
    );
    router.rpc(wireMethods.deleteUser, async (request, context) => {
      await handlers.deleteUser(request, callContext(context));
      return {};
    });
  };
}

/**
 * UserService for callers that send JSON: messages are brought to the same bytes as binary ones, so that both mean the
 * same in every respect.
 */
export function jsonUserRoutes(handlers: UserHandlers): (router: ConnectRouter) => void {
  const { identify, getUser, batchIdentify, batchGetUsers, listUsers, setPreferences, deleteUser } = UserService.method;
  const wire = wireMethods;
  return (router) => {
    router.rpc(identify, async (request, context) => {
      const answer = await handlers.identify(
        toWire(identify.input, request, wire.identify.input),
        callContext(context),
      );
      return fromWire(wire.identify.output, identifyMessage(answer), identify.output);
    });
    router.rpc(getUser, async (request, context) => {
      const answer = await handlers.getUser(toWire(getUser.input, request, wire.getUser.input), callContext(context));
      return fromWire(wire.getUser.output, oneUserMessage(answer), getUser.output);
    });
    router.rpc(batchGetUsers, async (request, context) => {
      const wireRequest = toWire(batchGetUsers.input, request, wire.batchGetUsers.input);
      const answer = await handlers.batchGetUsers(wireRequest, callContext(context), jsonSize);
      return fromWire(wire.batchGetUsers.output, usersFoundMessage(answer), batchGetUsers.output);
    });
    router.rpc(listUsers, async (request, context) => {
      const wireRequest = toWire(listUsers.input, request, wire.listUsers.input);
      const answer = await handlers.listUsers(wireRequest, callContext(context), jsonSize);
      return fromWire(wire.listUsers.output, pageMessage(answer), listUsers.output);
    });
    router.rpc(setPreferences, async (request, context) => {
      const wireRequest = toWire(setPreferences.input, request, wire.setPreferences.input);
      const answer = await handlers.setPreferences(wireRequest, callContext(context));
      return fromWire(wire.setPreferences.output, oneUserMessage(answer), setPreferences.output);
    });
    router.rpc(deleteUser, async (request, context) => {
      await handlers.deleteUser(toWire(deleteUser.input, request, wire.deleteUser.input), callContext(context));
      return {};
    });
    router.rpc(batchIdentify, async function* (requests, context) {
      async function* wireRequests() {
        for await (const request of requests) yield toWire(batchIdentify.input, request, wire.batchIdentify.input);
      }
      yield* handlers.batchIdentify(wireRequests(), callContext(context));
    });
  };
}

/** @throws ConnectError that names the field, for text that is not valid Unicode */
function toWire<From extends DescMessage, To extends DescMessage>(
  from: From,
  message: MessageShape<From>,
  to: To,
): MessageShape<To> {
  const path = illFormedText(message);
  if (path !== undefined) throw notUnicode(path);
  return fromBinary(to, toBinary(from, message));
}

function notUnicode([field = "", ...below]: Path): ConnectError {
  const path = formatPath(String(field), below);
  return describeError(
    invalidRequest([{ field: path, reason: "INVALID_PROPERTY", description: "is not valid Unicode" }]),
  );
}

function fromWire<From extends DescMessage, To extends DescMessage>(
  from: From,
  message: MessageInitShape<From>,
  to: To,
): MessageShape<To> {
  return fromBinary(to, toBinary(from, create(from, message)));
}
