/** TestService of gRPC's interop clients, for both ways in. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import type { GrpcMethod } from "../../../src/rpc/grpc/handler.ts";
import { bidi, unary } from "../grpc-methods.ts";
import { callOf } from "../metadata.ts";
import { callOfContext } from "../routes.ts";
import type { Call } from "../service.ts";
import { isCompressed } from "./compressed-requests.ts";
import {
  type BoolValue,
  type EchoStatus,
  type SimpleRequest,
  type StreamingInputCallRequest,
  type StreamingOutputCallRequest,
  TestService,
} from "./gen/test_pb.js";

interface Payload {
  readonly payload: { readonly body: Uint8Array };
}

/** Tells this server from others. */
const serverId = randomUUID();

export function interopRoutes(router: ConnectRouter): void {
  router.service(TestService, {
    emptyCall: () => ({}),
    unaryCall(request, context) {
      checkCompressed(request.expectCompressed, isCompressed(context));
      return answerOnce(request, callOfContext(context));
    },
    streamingOutputCall: (request, context) => answersTo(request, callOfContext(context)),
    streamingInputCall: answerMany,
    fullDuplexCall: (requests, context) => converse(requests, callOfContext(context)),
  });
}

export function interopMethods(): GrpcMethod[] {
  const { emptyCall, unaryCall, fullDuplexCall } = TestService.method;
  return [
    unary(emptyCall, () => ({})),
    unary(unaryCall, (request, context) => {
      // What is compressed goes the other way.
      checkCompressed(request.expectCompressed, false);
      return answerOnce(request, callOf(context));
    }),
    bidi(fullDuplexCall, (requests, context) => converse(requests, callOf(context))),
  ];
}

function answerOnce({ responseSize, responseStatus, fillServerId }: SimpleRequest, call: Call) {
  echoMetadata(call);
  check(responseStatus);
  return { payload: { body: new Uint8Array(responseSize) }, ...(fillServerId && { serverId }) };
}

async function answerMany(requests: AsyncIterable<StreamingInputCallRequest>, context: HandlerContext) {
  let aggregatedPayloadSize = 0;
  for await (const { payload, expectCompressed } of requests) {
    checkCompressed(expectCompressed, isCompressed(context));
    aggregatedPayloadSize += payload?.body.length ?? 0;
  }
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

/** @throws ConnectError INVALID_ARGUMENT if a request says how it comes, and does not come so */
function checkCompressed(expected: BoolValue | undefined, isCompressed: boolean): void {
  if (expected === undefined || expected.value === isCompressed) return;
  throw new ConnectError("the request is not compressed as it says", Code.InvalidArgument);
}

/** @throws ConnectError with the status that the request asks for */
function check(status: EchoStatus | undefined): void {
  if (status !== undefined && status.code !== 0) throw new ConnectError(status.message, status.code);
}
