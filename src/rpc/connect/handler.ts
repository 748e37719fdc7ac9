/** Serves all that Connect's handlers know: gRPC, gRPC-Web and Connect, in both encodings. */
import type { DescMethod } from "@bufbuild/protobuf";
import { Code, type ConnectRouter, createConnectRouter, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import type { Scope } from "../../credentials/principal.ts";
import { unknownMethod } from "../../telemetry/requests.ts";
import { limits } from "../../users/limits.ts";
import { Call } from "../call/call.ts";
import type { CallEnvironment, CallKind } from "../call/call-environment.ts";
import { timeoutOf } from "../call/deadline.ts";
import { reasonOf } from "../errors.ts";
import type { Exchange, ExchangeHandler } from "../exchange.ts";
import type { OpenRequests } from "../guard/open-requests.ts";
import { openServices } from "../guard/open-services.ts";
import { Semaphore } from "../guard/semaphore.ts";
import type { Turns } from "../guard/turns.ts";
import { answerError, writeAnswer } from "./answer.ts";
import { askGate, callKey, isAskedKey } from "./call-values.ts";
import { compressions } from "./compression.ts";
import { type Content, contentOf } from "./content.ts";
import { IncomingMessages, incomingKey } from "./incoming-messages.ts";
import { universalRequest } from "./universal-request.ts";

/**
 * Messages that are decompressed at one time: as many as there are threads for it. A decoder of Brotli takes 16 MiB for itself,
 * however small its message.
 */
const maxDecoders = 4;
const maxOpenDecoders = 2;

type Routes = (router: ConnectRouter) => void;

export interface ConnectHandlerOptions {
  /** For requests in protobuf's binary encoding. */
  readonly binaryRoutes: readonly Routes[];
  /** For requests in JSON. */
  readonly jsonRoutes: readonly Routes[];
  /** UserService's methods, and what their callers need, by path. */
  readonly methods: ReadonlyMap<string, { readonly method: DescMethod; readonly scope: Scope | undefined }>;
  readonly openRequests: OpenRequests;
  readonly turns: Turns;
}

export function createConnectHandler(options: ConnectHandlerOptions, environment: CallEnvironment): ExchangeHandler {
  const { methods, openRequests, turns } = options;
  const decoders = { open: new Semaphore(maxOpenDecoders), others: new Semaphore(maxDecoders) };
  const handlers = { binary: handlersByPath(options.binaryRoutes), json: handlersByPath(options.jsonRoutes) };

  return (exchange) => {
    const [path = "", ...query] = exchange.path.split("?");
    const content = contentOf(exchange.headers["content-type"], query.join("?"));
    const handler = handlers[content.encoding].get(path);
    if (handler === undefined) {
      answerUnknown(exchange, content, environment);
      return;
    }
    const ours = methods.get(path);
    const { method } = ours ?? handler;
    const isUnary = method.methodKind === "unary";
    const isOurs = ours !== undefined;
    const isOpen = openServices.has(method.parent.typeName);
    const open = isOurs ? undefined : openRequests.enter(exchange.connection);
    if (!isOurs && open === undefined) {
      exchange.reset("calm");
      return;
    }
    const kind: CallKind = {
      method,
      name: path.slice(1),
      scope: ours?.scope,
      protocol: content.protocol,
      encoding: content.encoding,
      answerError(_, error) {
        // Once it has begun to answer, the handler also answers the error with which the call's signal aborts.
        if (!exchange.hasAnswered) answerError(exchange, content, error);
      },
      // A GET has its message in the URL.
      arriving: isOurs && isUnary && exchange.method !== "GET" ? environment.arriving : undefined,
      open,
    };
    // Connect refuses other HTTP methods and content types at once, whatever the deadline.
    const mayServe =
      handler.allowedMethods.includes(exchange.method) &&
      (exchange.method === "GET" || handler.supportedContentType(content.type));
    const { timeoutMs, error } = timeoutOf(mayServe ? exchange.headers : {}, content.protocol);
    const call = new Call(exchange, kind, timeoutMs, environment);
    if (call.isEnded) return;
    const incoming = new IncomingMessages(call, {
      content,
      limit: isOpen ? "maxOpenRequestBytes" : "maxRequestBytes",
      keeps: isOurs,
      turns,
      decoders: isOpen ? decoders.open : decoders.others,
    });
    const values = createContextValues().set(callKey, call).set(incomingKey, incoming);
    const serve = async () => {
      const answer = await handler(incoming.replace(universalRequest(call, values, error === undefined)));
      // Connect has refused the HTTP method or the content type, before it asked the gate.
      if (!values.get(isAskedKey)) call.end(environment.errors.noSuchMethod);
      await writeAnswer(call, answer);
    };
    call.inTrace(serve).catch((failure: unknown) => call.reset(failure));
  };
}

function handlersByPath(routes: readonly Routes[]): ReadonlyMap<string, UniversalHandler> {
  const router = createConnectRouter({
    acceptCompression: [...compressions],
    readMaxBytes: limits.maxRequestBytes,
    // protobuf-es would keep unknown fields, each with an object of its own.
    binaryOptions: { readUnknownFields: false },
    // Connect reads past unknown fields; a field's misspelt name would change what a request means.
    jsonOptions: { useProtoFieldName: true, ignoreUnknownFields: false },
    requestGate: askGate,
  });
  for (const route of routes) route(router);
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
}

/** Answers a request to no method. */
function answerUnknown(exchange: Exchange, content: Content, environment: CallEnvironment): void {
  const { observe, errors, stallTimeoutMs, onStalled } = environment;
  const { noSuchMethod } = errors;
  exchange.resetWhenStalled(stallTimeoutMs, onStalled);
  observe({ method: unknownMethod, protocol: content.protocol, headers: exchange.headers }).end(
    Code[Code.Unimplemented],
    undefined,
    reasonOf(noSuchMethod),
  );
  answerError(exchange, content, noSuchMethod, 404);
}
