/** ConformanceService for Connect's adapter. */
import { createRegistry } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { timeoutOf } from "../../src/rpc/call/deadline.ts";
import { callOf } from "../../src/rpc/connect/call-values.ts";
import {
  ConformanceService,
  file_connectrpc_conformance_v1_service,
  IdempotentUnaryRequestSchema,
  UnaryRequestSchema,
} from "./gen/connectrpc/conformance/v1/service_pb.js";
import { answerMany, answerOnce, answerStream, type Call, converse } from "./service.ts";

/** As the server reads and writes JSON, but that the suite's messages hold messages of any type. */
const jsonOptions = {
  useProtoFieldName: true,
  ignoreUnknownFields: false,
  registry: createRegistry(file_connectrpc_conformance_v1_service),
};

export function conformanceRoutes(router: ConnectRouter): void {
  router.service(
    ConformanceService,
    {
      unary: (request, context) =>
        answerOnce(request.responseDefinition, [request], UnaryRequestSchema, callOfContext(context)),
      idempotentUnary: (request, context) =>
        answerOnce(request.responseDefinition, [request], IdempotentUnaryRequestSchema, callOfContext(context)),
      clientStream: (requests, context) => answerMany(requests, callOfContext(context)),
      serverStream: (request, context) => answerStream(request, callOfContext(context)),
      bidiStream: (requests, context) => converse(requests, callOfContext(context)),
    },
    { jsonOptions },
  );
}

export function callOfContext(context: HandlerContext): Call {
  const { signal, requestHeader, requestMethod, url, responseHeader, responseTrailer } = context;
  const call = callOf(context);
  return {
    signal,
    requestHeaders: requestHeader,
    timeoutMs: timeoutOf(call.exchange.headers, call.kind.protocol).timeoutMs,
    query: requestMethod === "GET" ? new URL(url).searchParams : undefined,
    responseHeaders: responseHeader,
    responseTrailers: responseTrailer,
  };
}
