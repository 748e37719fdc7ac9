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
import { prefixBytes, sealEnvelope } from "../messages/envelopes.ts";
import { type RequestReader, userRequests } from "../messages/user-requests.ts";
import { wireMethods } from "../messages/wire-methods.ts";
import { writeIdentified, writeOneUser } from "../messages/write-user.ts";
import type { UserHandlers } from "../user-handlers.ts";
import { binarySize, pageMessage, usersFoundMessage } from "../user-messages.ts";
import type { GrpcMethod } from "./grpc-handler.ts";

export function grpcUserMethods(handlers: UserHandlers): GrpcMethod[] {
  const { identify, getUser, batchIdentify, batchGetUsers, listUsers, setPreferences, deleteUser } = wireMethods;
  return [
    unary(identify, binary(userRequests.identify), async (request, context) =>
      writeIdentified(await handlers.identify(request, context)),
    ),
    unary(getUser, binary(userRequests.getUser), async (request, context) =>
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
    unary(batchGetUsers, binary(userRequests.batchGetUsers), async (request, context) =>
      write(batchGetUsers.output, usersFoundMessage(await handlers.batchGetUsers(request, context, binarySize))),
    ),
    unary(listUsers, binary(userRequests.listUsers), async (request, context) =>
      write(listUsers.output, pageMessage(await handlers.listUsers(request, context, binarySize))),
    ),
    unary(setPreferences, binary(userRequests.setPreferences), async (request, context) =>
      writeOneUser(await handlers.setPreferences(request, context)),
    ),
    unary(deleteUser, binary(userRequests.deleteUser), async (request, context) => {
      await handlers.deleteUser(request, context);
      return write(deleteUser.output, {});
    }),
  ];
}

export function unary<Request>(
  method: DescMethod,
  read: (bytes: Buffer) => Request,
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

/** What it makes of bytes is no larger than they are. */
function binary<Request>(reader: RequestReader<Request>): (bytes: Buffer) => Request {
  return (bytes) => reader.read(bytes, "binary", () => {});
}

async function* batches(messages: AsyncIterable<Buffer>) {
  const read = binary(userRequests.batchIdentify);
  for await (const message of messages) yield read(message);
}

export function readerOf<Desc extends DescMessage>(desc: Desc): (bytes: Uint8Array) => MessageShape<Desc> {
  return (bytes) => fromBinary(desc, bytes);
}

/** @throws ConnectError as Connect does for what cannot be read */
export function reading<Message>(read: (bytes: Buffer) => Message, bytes: Buffer): Message {
  try {
    return read(bytes);
  } catch (error) {
    if (error instanceof ConnectError) throw error;
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
