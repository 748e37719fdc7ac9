/** Joins Connect's routers to Node's servers: picks the handler for a request, and answers where there is none. */
import { constants } from "node:http2";
import { Code, ConnectError, type ConnectRouter, createConnectRouter, createContextValues } from "@connectrpc/connect";
import { codeToHttpStatus, errorToJson } from "@connectrpc/connect/protocol-connect";
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionV1Alpha } from "#gen-server/grpc/reflection/v1alpha/reflection_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import { namesShownBy } from "../../credentials/peer.ts";
import { hasSeveralTokens, type Presented } from "../../credentials/principal.ts";
import type { Report } from "../../telemetry/failure-log.ts";
import { type ObserveRequest, unknownMethod } from "../../telemetry/requests.ts";
import { exchangeWaits, streamWaits } from "../../transport/waits-for-answer.ts";
import { overloaded } from "../../users/errors.ts";
import { limits } from "../../users/limits.ts";
import { canceled, describeError, type RaisedErrors, reasonOf } from "../errors.ts";
import { statusOf } from "../grpc/status.ts";
import type { OldestOut } from "../guard/eviction.ts";
import { admitRequest, callerNameOf, type Gate, holdKey, presentedKey, reportKey } from "../guard/gate.ts";
import { Account, type HeldBytes, type Holder } from "../guard/memory-budget.ts";
import type { OpenRequests } from "../guard/open-requests.ts";
import { WorkRoom } from "../guard/semaphore.ts";
import type { Turns } from "../guard/turns.ts";
import { prefixBytes, sealEnvelope } from "../messages/envelopes.ts";
import { readUntilEnded } from "../request-body.ts";
import { writeAnswer } from "./answer-body.ts";
import { compressions } from "./compression.ts";
import { dismissAnswered, dismissOnceAnswered } from "./dismissal.ts";
import { IncomingMessages, incomingKey } from "./incoming-messages.ts";
import type { NodeHandler, NodeRequest, NodeResponse } from "./node-requests.ts";
import { cutOffKey, endedByKey, inTrace, maxTimerMs, observedKey, watchRequest } from "./request-end.ts";

/**
 * Messages that are decompressed at one time: as many as there are threads for it. A decoder of Brotli takes 16 MiB for itself,
 * however small its message.
 */
const maxDecoders = 4;
const maxOpenDecoders = 2;

/** Anybody may call them, and no request to them needs much. */
const openServices: ReadonlySet<string> = new Set(
  [Health, ServerReflection, ServerReflectionV1Alpha].map(({ typeName }) => typeName),
);

type Routes = (router: ConnectRouter) => void;

export interface NodeHandlerOptions {
  /** For requests in protobuf's binary encoding. */
  readonly binaryRoutes: readonly Routes[];
  /** For requests in JSON. */
  readonly jsonRoutes: readonly Routes[];
  readonly gate: Gate;
  readonly held: HeldBytes;
  readonly turns: Turns;
  /** Unary calls of UserService until all of their request is there. */
  readonly arriving: OldestOut;
  readonly openRequests: OpenRequests;
  /** Ends what is still under way, with its reason. */
  readonly shutdown: AbortSignal;
  readonly errors: RaisedErrors;
  readonly observe: ObserveRequest;
  /** Called with a failure that nobody foresaw. */
  readonly report: Report;
  /** Called where an answer could not be written. The error may hold a request's content: it is not for a log. */
  readonly onBrokenAnswer: (error: ConnectError) => void;
}

export function createNodeHandler(options: NodeHandlerOptions): NodeHandler {
  const decoders = { open: new WorkRoom(maxOpenDecoders), others: new WorkRoom(maxDecoders) };
  const binary = handlersByPath(options.binaryRoutes, options);
  const json = handlersByPath(options.jsonRoutes, options);

  return (req, res) => {
    const path = (req.url ?? "").split("?", 1)[0] ?? "";
    const handler = (isJson(req) ? json : binary).get(path);
    if (handler === undefined) {
      noteUnserved(options, req, unknownMethod);
      answerError(req, res, options.errors.noSuchMethod, constants.HTTP_STATUS_NOT_FOUND);
      return;
    }
    const isOurs = handler.service.typeName === UserService.typeName;
    const isOpen = openServices.has(handler.service.typeName);
    const endedBy: { error?: ConnectError } = {};
    let isRead = false;
    /** Whether it has been answered before its handler had an answer. */
    let isAnswered = false;
    const holder: Holder = {
      account: new Account(),
      unread: () => (isRead ? 0 : unreadOf(req)),
      waits: () => ("stream" in res ? streamWaits(res.stream) : exchangeWaits(res.req, res)),
      shed() {
        endedBy.error ??= describeError(overloaded());
        if (res.headersSent) cutOff(req, res);
        else {
          isAnswered = true;
          answerError(req, res, endedBy.error);
        }
      },
    };
    const hold = (more: number) => options.held.hold(holder, more);
    /** What the handler holds for its answer; of a unary call, until that is encoded. */
    let prepared = 0;
    const onEncoded = () => {
      if (!isUnary) return;
      hold(-prepared);
      prepared = 0;
    };
    const onTaken = () => options.held.move(holder);
    const isUnary = handler.method.methodKind === "unary";
    const isArriving = isOurs && isUnary;
    if (!isOurs && !options.openRequests.enter(holder, "stream" in req ? req.stream : undefined)) return;
    options.held.open(holder);
    if (isArriving) options.arriving.add(holder);
    const arrived = () => options.arriving.delete(holder);
    const reading = {
      onBegin: () => {
        isRead = true;
      },
      onEnd: arrived,
    };
    res.once("close", () => {
      options.held.close(holder);
      options.openRequests.leave(holder);
      arrived();
    });
    const incoming = new IncomingMessages({
      encoding: isJson(req) ? "json" : "binary",
      isEnveloped: isEnveloped(req),
      limit: isOpen ? "maxOpenRequestBytes" : "maxRequestBytes",
      keeps: isOurs,
      isStream: !isUnary,
      hold,
      endedBy,
      turns: options.turns,
      decoders: isOpen ? decoders.open : decoders.others,
    });
    const contextValues = createContextValues()
      .set(incomingKey, incoming)
      .set(holdKey, (bytes) => {
        prepared += bytes;
        hold(bytes);
      })
      .set(cutOffKey, () => cutOff(req, res))
      .set(reportKey, options.report)
      .set(presentedKey, () => presentedBy(req))
      .set(endedByKey, endedBy);
    new Promise<void>((resolve) => {
      nameAuthority(req);
      const request = universalRequestFromNodeRequest(req, res, undefined, contextValues);
      dropTimeoutsWithoutEnd(request.header);
      const pieces = readUntilEnded(req, endedBy, hold, reading);
      dismissOnceAnswered(req, res);
      endWithCaller(res, endedBy);
      const answered = handler(incoming.replace(request, pieces)).then((answer) => {
        // Connect has refused the HTTP method or the content type, before it asked who comes in.
        if (contextValues.get(observedKey) === undefined) noteUnserved(options, req, path.slice(1));
        return isAnswered ? undefined : writeAnswer(answer, req, res, { hold, onEncoded, onTaken, isStream: !isUnary });
      });
      resolve(answered);
    }).catch((reason: unknown) => {
      options.onBrokenAnswer(ConnectError.from(reason));
      cutOff(req, res);
    });
  };
}

/**
 * Connect makes a URL of the authority, or of Host, and fails where that cannot be done: HTTP/1.0 needs none, some clients send
 * an IPv6 address without brackets. Nobody here asks for it, and so every request gets the same one.
 */
function nameAuthority({ headers }: NodeRequest): void {
  headers[":authority"] = headers.host = "rollcall";
}

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: TimeoutUnit */
const grpcTimeoutUnitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000 };

/** Removes timeouts that no timer can wait for: some clients write an infinite one as the longest that there is. */
function dropTimeoutsWithoutEnd(header: Headers): void {
  const [, value, unit = ""] = /^(\d+)([HMS])$/.exec(header.get("grpc-timeout") ?? "") ?? [];
  if (Number(value) * (grpcTimeoutUnitMs[unit] ?? 0) > maxTimerMs) header.delete("grpc-timeout");
  if (Number(header.get("connect-timeout-ms")) > maxTimerMs) header.delete("connect-timeout-ms");
}

/** What has arrived of a request that nobody has asked for. */
function unreadOf(req: NodeRequest): number {
  return req.readableLength + ("stream" in req ? req.stream.readableLength : 0);
}

function handlersByPath(routes: readonly Routes[], { gate, shutdown, errors, observe }: NodeHandlerOptions) {
  const router = createConnectRouter({
    acceptCompression: [...compressions],
    readMaxBytes: limits.maxRequestBytes,
    // protobuf-es would keep unknown fields, each with an object of its own.
    binaryOptions: { readUnknownFields: false },
    // Connect reads past unknown fields; a field's misspelt name would change what a request means.
    jsonOptions: { useProtoFieldName: true, ignoreUnknownFields: false },
    shutdownSignal: shutdown,
    interceptors: [inTrace],
    requestGate(context) {
      watchRequest(context, observe, callerNameOf, errors);
      return admitRequest(gate, context);
    },
  });
  for (const route of routes) route(router);
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
}

function presentedBy({ headers: { authorization }, rawHeaders, socket }: NodeRequest): Presented {
  const certificateNames = namesShownBy(socket);
  return { authorization, hasSeveral: hasSeveralTokens(authorization, rawHeaders), certificateNames };
}

/** Whether the request's message is JSON, by its content type or, for a Connect GET, its query. */
function isJson(req: NodeRequest): boolean {
  const contentType = req.headers["content-type"];
  if (contentType === undefined) return /[?&]encoding=json(&|$)/.test(req.url ?? "");
  return /^application\/(?:connect\+|grpc\+|grpc-web\+)?json\b/i.test(contentType);
}

/** Whether the request's messages have prefixes: gRPC's, gRPC-Web's, or those of Connect's streams. */
function isEnveloped(req: NodeRequest): boolean {
  return /^application\/(?:grpc|connect\+)/i.test(req.headers["content-type"] ?? "");
}

/** A request that reaches no method, for the log, the metrics and its trace. */
function noteUnserved({ observe, errors }: NodeHandlerOptions, { headers }: NodeRequest, method: string): void {
  const [, protocol = "connect"] = /^application\/(grpc-web|grpc)\b/i.exec(headers["content-type"] ?? "") ?? [];
  observe({ method, protocol, headers }).end(Code[Code.Unimplemented], undefined, reasonOf(errors.noSuchMethod));
}

/**
 * Answers an error as the caller's protocol has it, in place of a handler.
 *
 * @param httpStatus where the protocol leaves it to say something: Connect's for unary calls
 */
function answerError(
  req: NodeRequest,
  res: NodeResponse,
  error: ConnectError,
  httpStatus = codeToHttpStatus(error.code),
): void {
  const contentType = req.headers["content-type"] ?? "";
  if (contentType.startsWith("application/grpc")) {
    res.setHeader("content-type", contentType);
    for (const [name, value] of statusOf(error)) res.setHeader(name, value);
    res.end();
    dismissAnswered(req, res);
    return;
  }
  dismissOnceAnswered(req, res);
  if (contentType.startsWith("application/connect+")) {
    res.setHeader("content-type", contentType);
    const end = Buffer.from(JSON.stringify({ error: errorToJson(error, undefined) }));
    const envelope = sealEnvelope(Buffer.concat([Buffer.alloc(prefixBytes), end]));
    envelope[0] = endOfStreamFlag;
    res.end(envelope);
  } else {
    res.statusCode = httpStatus;
    res.setHeader("content-type", "application/json");
    res.end(JSON.stringify(errorToJson(error, undefined)));
  }
}

/** https://connectrpc.com/docs/protocol/#error-end-stream */
const endOfStreamFlag = 2;

/** A stream that is reset without an error would wait for its request to be read, and its answers to be sent. */
function endWithCaller(res: NodeResponse, endedBy: { error?: ConnectError }): void {
  if (!("stream" in res)) return;
  const { stream } = res;
  stream.once("aborted", () => {
    endedBy.error ??= canceled();
    // Where it is this side that resets it, the reset is sent first.
    setImmediate(() => stream.destroy());
  });
  stream.once("end", () => {
    if (stream.closed && stream.sentTrailers === undefined) stream.destroy();
  });
}

function cutOff(req: NodeRequest, res: NodeResponse): void {
  if ("stream" in res) res.stream.close(constants.NGHTTP2_CANCEL);
  else if (!res.writableFinished) req.destroy();
}
