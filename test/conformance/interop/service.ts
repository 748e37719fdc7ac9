/** TestService of gRPC's interop clients, for both ways in. */
import { setTimeout as pause } from "node:timers/promises";
import type { MessageShape } from "@bufbuild/protobuf";
import { ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { GrpcMethod } from "../../../src/rpc/grpc/grpc-handler.ts";
import { readerOf, reading, unary, write } from "../../../src/rpc/grpc/user-methods.ts";
import { callOf } from "../metadata.ts";
import { callOfContext } from "../routes.ts";
import type { Call } from "../service.ts";
import {
  type EchoStatus,
  type SimpleRequest,
  type StreamingInputCallRequest,
  type StreamingOutputCallRequest,
  TestService,
} from "./gen/test_pb.js";

interface Payload {
  readonly payload: { readonly body: Uint8Array };
}

export function interopRoutes(router: ConnectRouter): void {
  router.service(TestService, {
    emptyCall: () => ({}),
    unaryCall: (request, context) => answerOnce(request, callOfContext(context)),
    streamingOutputCall: (request, context) => answersTo(request, callOfContext(context)),
    streamingInputCall: answerMany,
    fullDuplexCall: (requests, context) => converse(requests, callOfContext(context)),
  });
}

export function interopMethods(): GrpcMethod[] {
  const { emptyCall, unaryCall, fullDuplexCall } = TestService.method;
  const readDuplex = readerOf(fullDuplexCall.input);
  return [
    unary(emptyCall, readerOf(emptyCall.input), async () => write(emptyCall.output, {})),
    unary(unaryCall, readerOf(unaryCall.input), async (request, context) =>
      write(unaryCall.output, answerOnce(request, callOf(context))),
    ),
    {
      kind: "bidi",
      method: fullDuplexCall,
      async *serve(messages, context) {
        const call = callOf(context);
        const requests = async function* (): AsyncGenerator<MessageShape<typeof fullDuplexCall.input>> {
          for await (const message of messages) yield reading(readDuplex, message);
        };
        for await (const answer of converse(requests(), call)) yield write(fullDuplexCall.output, answer);
      },
    },
  ];
}

function answerOnce({ responseSize, responseStatus }: SimpleRequest, call: Call): Payload {
  echoMetadata(call);
  check(responseStatus);
  return { payload: { body: new Uint8Array(responseSize) } };
}

async function answerMany(requests: AsyncIterable<StreamingInputCallRequest>) {
  let aggregatedPayloadSize = 0;
  for await (const { payload } of requests) aggregatedPayloadSize += payload?.body.length ?? 0;
  return { aggregatedPayloadSize };
}

async function* converse(requests: AsyncIterable<StreamingOutputCallRequest>, call: Call): AsyncGenerator<Payload> {
  echoMetadata(call);
  for await (const request of requests) {
    check(request.responseStatus);
    yield* answersTo(request, call);
  }
}

async function* answersTo(
  { responseParameters }: StreamingOutputCallRequest,
  { signal }: Call,
): AsyncGenerator<Payload> {
  for (const { size, intervalUs } of responseParameters) {
    if (intervalUs > 0) await pause(intervalUs / 1_000, undefined, { signal }).catch(() => {});
    signal.throwIfAborted();
    yield { payload: { body: new Uint8Array(size) } };
  }
}

function echoMetadata({ requestHeaders, responseHeaders, responseTrailers }: Call): void {
  const echo = (name: string, to: Headers) => {
    const value = requestHeaders.get(name);
    if (value !== null) to.set(name, value);
  };
  echo("x-grpc-test-echo-initial", responseHeaders);
  echo("x-grpc-test-echo-trailing-bin", responseTrailers);
}

/** @throws ConnectError with the status that the request asks for */
function check(status: EchoStatus | undefined): void {
  if (status !== undefined && status.code !== 0) throw new ConnectError(status.message, status.code);
}
