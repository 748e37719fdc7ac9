/** ConformanceService for gRPC straight on HTTP/2 streams: its methods of the two kinds that UserService has. */
import type { CallContext } from "../../src/rpc/call-context.ts";
import type { GrpcMethod } from "../../src/rpc/grpc/grpc-handler.ts";
import { readerOf, reading, unary, write } from "../../src/rpc/grpc/user-methods.ts";
import { ConformanceService } from "./gen/connectrpc/conformance/v1/service_pb.js";
import { answerOnce, type Call, converse } from "./service.ts";

/** @param callOf finds what else there is of a call, while it is served */
export function grpcConformanceMethods(callOf: (context: CallContext) => Call): GrpcMethod[] {
  const { unary: once, idempotentUnary, bidiStream } = ConformanceService.method;
  const readBidi = readerOf(bidiStream.input);
  return [
    unary(once, readerOf(once.input), async (request, context) =>
      write(once.output, await answerOnce(request.responseDefinition, [request], once.input, callOf(context))),
    ),
    unary(idempotentUnary, readerOf(idempotentUnary.input), async (request, context) =>
      write(
        idempotentUnary.output,
        await answerOnce(request.responseDefinition, [request], idempotentUnary.input, callOf(context)),
      ),
    ),
    {
      kind: "bidi",
      method: bidiStream,
      async *serve(messages, context) {
        const call = callOf(context);
        const requests = async function* () {
          for await (const message of messages) yield reading(readBidi, message);
        };
        for await (const answer of converse(requests(), call)) yield write(bidiStream.output, answer);
      },
    },
  ];
}
