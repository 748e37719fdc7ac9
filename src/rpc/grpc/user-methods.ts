/** UserService's methods for gRPC: bytes in, bytes out. */
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { CallContext } from "../call-context.ts";
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
    unary(identify, readIdentifyRequest, async (request, context) =>
      writeIdentified(await handlers.identify(request, context)),
    ),
    unary(getUser, readerOf(getUser.input), async (request, context) =>
      writeOneUser(await handlers.getUser(request, context)),
    ),
    {
      kind: "bidi",
      method: batchIdentify,
      async *serve(messages, context) {
        for await (const answer of handlers.batchIdentify(batches(messages), context)) {
          yield write(batchIdentify.output, answer);
        }
      },
    },
    unary(batchGetUsers, readerOf(batchGetUsers.input), async (request, context) =>
      write(batchGetUsers.output, usersFoundMessage(await handlers.batchGetUsers(request, context, binarySize))),
    ),
    unary(listUsers, readerOf(listUsers.input), async (request, context) =>
      write(listUsers.output, pageMessage(await handlers.listUsers(request, context, binarySize))),
    ),
    unary(setPreferences, readerOf(setPreferences.input), async (request, context) =>
      writeOneUser(await handlers.setPreferences(request, context)),
    ),
    unary(deleteUser, readerOf(deleteUser.input), async (request, context) => {
      await handlers.deleteUser(request, context);
      return write(deleteUser.output, {});
    }),
  ];
}

export function unary<Request>(
  method: DescMethod,
  read: (bytes: Uint8Array) => Request,
  serve: (request: Request, context: CallContext) => Promise<Buffer>,
): GrpcMethod {
  return {
    kind: "unary",
    method,
    read(message) {
      const request = reading(read, message);
      return (context) => serve(request, context);
    },
  };
}

async function* batches(messages: AsyncIterable<Buffer>) {
  for await (const message of messages) yield reading(readBatchIdentifyRequest, message);
}

export function readerOf<Desc extends DescMessage>(desc: Desc): (bytes: Uint8Array) => MessageShape<Desc> {
  return (bytes) => fromBinary(desc, bytes);
}

/** @throws ConnectError as Connect does for what cannot be read */
export function reading<Message>(read: (bytes: Uint8Array) => Message, bytes: Uint8Array): Message {
  try {
    return read(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConnectError(`parse binary: ${reason}`, Code.Internal);
  }
}

export function write<Desc extends DescMessage>(desc: Desc, message: MessageInitShape<Desc>): Buffer {
  const bytes = toBinary(desc, create(desc, message));
  const envelope = Buffer.allocUnsafe(prefixBytes + bytes.length);
  envelope.set(bytes, prefixBytes);
  return sealEnvelope(envelope);
}
