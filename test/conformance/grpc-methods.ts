/** ConformanceService for gRPC without compression: its methods of the two kinds that UserService has. */
import {
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { CallContext } from "../../src/rpc/call/call-context.ts";
import type { GrpcMethod } from "../../src/rpc/grpc/handler.ts";
import { encodeEnvelope } from "../../src/rpc/method.ts";
import { ConformanceService } from "./gen/connectrpc/conformance/v1/service_pb.js";
import { answerOnce, type Call, converse } from "./service.ts";

/** @param callOf finds what else there is of a call, while it is served */
export function grpcConformanceMethods(callOf: (context: CallContext) => Call): GrpcMethod[] {
  const { unary: once, idempotentUnary, bidiStream } = ConformanceService.method;
  return [
    unary(once, (request, context) => answerOnce(request.responseDefinition, [request], once.input, callOf(context))),
    unary(idempotentUnary, (request, context) =>
      answerOnce(request.responseDefinition, [request], idempotentUnary.input, callOf(context)),
    ),
    bidi(bidiStream, (requests, context) => converse(requests, callOf(context))),
  ];
}

export function unary<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethodUnary<Input, Output>,
  serve: (
    request: MessageShape<Input>,
    context: CallContext,
  ) => MessageInitShape<Output> | Promise<MessageInitShape<Output>>,
): GrpcMethod {
  return {
    kind: "unary",
    method,
    scope: undefined,
    serve: async (message, context) => encodeEnvelope(method.output, await serve(read(method.input, message), context)),
  };
}

export function bidi<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethodBiDiStreaming<Input, Output>,
  serve: (
    requests: AsyncIterable<MessageShape<Input>>,
    context: CallContext,
  ) => AsyncIterable<MessageInitShape<Output>>,
): GrpcMethod {
  return {
    kind: "stream",
    method,
    scope: undefined,
    async *serve(messages, context) {
      async function* requests() {
        for await (const message of messages) yield read(method.input, message);
      }
      for await (const answer of serve(requests(), context)) yield encodeEnvelope(method.output, answer);
    },
  };
}

/** @throws ConnectError as Connect does for what cannot be read */
function read<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(desc, bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConnectError(`parse binary: ${reason}`, Code.Internal);
  }
}
