import { encodeEnvelope, type NextRequest, reserveNothing } from "../method.ts";
import type { UserHandlers } from "../user-handlers.ts";
import { userMethods } from "../user-methods.ts";
import type { GrpcMethod } from "./handler.ts";

/** UserService's methods for gRPC: bytes in, bytes out. */
export function grpcUserMethods(handlers: UserHandlers): GrpcMethod[] {
  return Object.values(userMethods).map((row): GrpcMethod => {
    const { method, scope } = row;
    if (row.kind === "unary") {
      return { kind: "unary", method, scope, serve: (message, call) => row.answerBytes(handlers, message, call) };
    }
    return {
      kind: "stream",
      method,
      scope,
      async *serve(messages, call, stop) {
        const answers = row.answers(handlers, requestsIn(messages), call, stop);
        for await (const answer of answers) yield encodeEnvelope(method.output, answer);
      },
    };
  });
}

async function* requestsIn(messages: AsyncIterable<Buffer>): AsyncGenerator<NextRequest> {
  for await (const message of messages) yield (reader) => reader.read(message, "binary", reserveNothing);
}
