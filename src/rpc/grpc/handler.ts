/**
 * gRPC in protobuf's binary encoding without compression: the most frequent calls. Connect's handlers, which serve all others,
 * spend several times as long on a call as its work takes. Callers see the same, but that answers are not compressed.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Scope } from "../../credentials/principal.ts";
import { endWith, writeMessage } from "../call/answer.ts";
import { piecesOf, receive } from "../call/body.ts";
import { Call } from "../call/call.ts";
import type { CallContext } from "../call/call-context.ts";
import type { CallEnvironment } from "../call/call-environment.ts";
import { timeoutOf } from "../call/deadline.ts";
import type { Exchange } from "../call/exchange.ts";
import { type Turns, turnToDecode } from "../guard/turns.ts";
import { EnvelopeReader, messageIn } from "../messages/envelopes.ts";
import { inEnvelopes } from "../messages/request-body.ts";
import { answerGrpcError, answerHeaders, okTrailers } from "./status.ts";

/** A method, bytes in and bytes out. Answers have gRPC's prefix in front, and memory of their own. */
export type GrpcMethod = {
  readonly method: DescMethod;
  /** What its callers need; undefined where they need none. */
  readonly scope: Scope | undefined;
} & (
  | { readonly kind: "unary"; readonly serve: (message: Buffer, call: CallContext) => Promise<Buffer> }
  | {
      readonly kind: "stream";
      /** @param stop aborts, with the error to end with, once no more messages are taken */
      readonly serve: (messages: AsyncIterable<Buffer>, call: CallContext, stop: AbortSignal) => AsyncIterable<Buffer>;
    }
);

type Unary = Extract<GrpcMethod, { kind: "unary" }>;
type Stream = Extract<GrpcMethod, { kind: "stream" }>;

/** @returns what serves an exchange; or answers false, and leaves it as it was, if it is not for this handler */
export function createGrpcHandler(
  methods: readonly GrpcMethod[],
  environment: CallEnvironment,
  turns: Turns,
): (exchange: Exchange) => boolean {
  const byPath = new Map(methods.map((method) => [`/${method.method.parent.typeName}/${method.method.name}`, method]));
  return (exchange) => {
    const method = byPath.get(exchange.path);
    if (method === undefined || exchange.method !== "POST" || !isPlain(exchange.headers)) return false;
    const { timeoutMs, error } = timeoutOf(exchange.headers, "grpc");
    const start = {
      method: method.method,
      scope: method.scope,
      protocol: "grpc",
      encoding: "binary",
      timeoutMs,
      answerError: answerGrpcError,
      arriving: method.kind === "unary" ? environment.arriving : undefined,
    } as const;
    const call = new Call(exchange, start, environment);
    if (error !== undefined) call.fail(error);
    else serveOnceAdmitted(call, method, turns);
    return true;
  };
}

function isPlain(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"];
  if (type !== "application/grpc" && type !== "application/grpc+proto") return false;
  const encoding = headers["grpc-encoding"];
  return encoding === undefined || encoding === "identity";
}

/** The request's body is received once it is known who calls. */
function serveOnceAdmitted(call: Call, method: GrpcMethod, turns: Turns): void {
  const serve = () => {
    if (call.isEnded) return;
    if (method.kind === "unary") serveUnary(call, method, turns);
    else call.inTrace(() => serveStream(call, method, turns));
  };
  attempt(call, () => {
    const admitted = call.isEnded ? undefined : call.environment.gate.admit(call);
    if (admitted === undefined) serve();
    else admitted.then(serve).catch((failure: unknown) => call.fail(failure));
  });
}

function serveUnary(call: Call, { serve }: Unary, turns: Turns): void {
  const envelopes = new EnvelopeReader("maxRequestBytes");
  let message: Buffer | undefined;
  const takeAll = () => {
    for (let next = envelopes.next(); next !== undefined; next = envelopes.next()) {
      if (message !== undefined) throw wrongCount("received extra");
      message = messageIn(next);
    }
  };
  receive(
    call,
    (piece) => {
      envelopes.add(piece);
      attempt(call, takeAll);
    },
    () =>
      attempt(call, () => {
        envelopes.end();
        if (message === undefined) throw wrongCount("missing");
        const whole = message;
        // Decoded once all of the request is there: V8 would keep what is decoded before that among the old objects.
        call.inTrace(() => answerOnce(call, () => serve(whole, call), turnToDecode(turns, whole.length)));
      }),
  );
}

function answerOnce(call: Call, serve: () => Promise<Buffer>, turn: Promise<void> | undefined): void {
  call.environment.work
    .unary(call, turn === undefined ? serve : () => turn.then(serve))
    .then(
      (envelope) => {
        if (!call.end() || call.exchange.isGone) return undefined;
        call.exchange.begin(200, answerHeaders);
        return endWith(call, envelope, okTrailers);
      },
      (failure: unknown) => call.fail(failure),
    )
    .catch((failure: unknown) => call.reset(failure));
}

async function serveStream(call: Call, { serve }: Stream, turns: Turns): Promise<void> {
  const { exchange, environment } = call;
  const begin = () => {
    if (!exchange.hasAnswered) exchange.begin(200, answerHeaders);
  };
  try {
    const messages = messagesOf(call, turns);
    for await (const envelope of environment.work.stream(call, (stop) => serve(messages, call, stop))) {
      if (call.isEnded || exchange.isGone) return;
      begin();
      await writeMessage(call, envelope);
    }
  } catch (failure) {
    call.fail(failure);
    return;
  }
  try {
    if (!call.end() || exchange.isGone) return;
    begin();
    exchange.end(undefined, okTrailers);
  } catch (failure) {
    call.reset(failure);
  }
}

async function* messagesOf(call: Call, turns: Turns): AsyncGenerator<Buffer> {
  for await (const envelope of inEnvelopes(piecesOf(call), "maxRequestBytes")) {
    await turnToDecode(turns, envelope.length);
    call.hold(-envelope.length);
    yield messageIn(envelope);
  }
}

function attempt(call: Call, step: () => void): void {
  try {
    step();
  } catch (failure) {
    call.fail(failure);
  }
}

function wrongCount(problem: "missing" | "received extra"): ConnectError {
  return new ConnectError(`protocol error: ${problem} input message for unary method`, Code.Unimplemented);
}
