/** UserService's methods for gRPC: bytes in, bytes out. */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { prefixBytes, sealEnvelope } from "../envelopes.ts";
import type { UserHandlers } from "../user-handlers.ts";
import { binarySize, pageMessage, usersFoundMessage } from "../user-messages.ts";
import { wireMethods } from "../wire-methods.ts";
import type { GrpcMethod } from "./grpc-handler.ts";
import { readBatchIdentifyRequest, readIdentifyRequest } from "./read-identify.ts";
import { writeIdentified, writeOneUser } from "./write-user.ts";

export function grpcUserMethods(handlers: UserHandlers): GrpcMethod[] {
  const { identify, getUser, batchIdentify, batchGetUsers, listUsers, setPreferences, deleteUser } = wireMethods;
  return [
    {
      kind: "unary",
      method: identify,
      serve: async (message, context) =>
        writeIdentified(await handlers.identify(reading(readIdentifyRequest, message), context)),
    },
    {
      kind: "unary",
      method: getUser,
      serve: async (message, context) =>
        writeOneUser(await handlers.getUser(reading(readerOf(getUser.input), message), context)),
    },
    {
      kind: "bidi",
      method: batchIdentify,
      async *serve(messages, context) {
        for await (const answer of handlers.batchIdentify(batches(messages), context)) {
          yield write(batchIdentify.output, answer);
        }
      },
    },
    {
      kind: "unary",
      method: batchGetUsers,
      async serve(message, context) {
        const request = reading(readerOf(batchGetUsers.input), message);
        return write(
          batchGetUsers.output,
          usersFoundMessage(await handlers.batchGetUsers(request, context, binarySize)),
        );
      },
    },
    {
      kind: "unary",
      method: listUsers,
      async serve(message, context) {
        const request = reading(readerOf(listUsers.input), message);
        return write(listUsers.output, pageMessage(await handlers.listUsers(request, context, binarySize)));
      },
    },
    {
      kind: "unary",
      method: setPreferences,
      serve: async (message, context) =>
        writeOneUser(await handlers.setPreferences(reading(readerOf(setPreferences.input), message), context)),
    },
    {
      kind: "unary",
      method: deleteUser,
      async serve(message, context) {
        await handlers.deleteUser(reading(readerOf(deleteUser.input), message), context);
        return write(deleteUser.output, {});
      },
    },
  ];
}

async function* batches(messages: AsyncIterable<Buffer>) {
  for await (const message of messages) yield reading(readBatchIdentifyRequest, message);
}

function readerOf<Desc extends DescMessage>(desc: Desc): (bytes: Uint8Array) => MessageShape<Desc> {
  return (bytes) => fromBinary(desc, bytes);
}

/** @throws ConnectError as Connect does for what cannot be read */
function reading<Message>(read: (bytes: Uint8Array) => Message, bytes: Uint8Array): Message {
  try {
    return read(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConnectError(`parse binary: ${reason}`, Code.Internal);
  }
}

function write<Desc extends DescMessage>(desc: Desc, message: MessageInitShape<Desc>): Buffer {
  const bytes = toBinary(desc, create(desc, message));
  const envelope = Buffer.allocUnsafe(prefixBytes + bytes.length);
  envelope.set(bytes, prefixBytes);
  return sealEnvelope(envelope);
}
