/**
 * gRPC over HTTP/2 in protobuf's binary encoding without compression: the most frequent calls. Connect's handlers, which serve
 * all others, spend several times as long on a call as its work takes. Callers see the same, except that answers are
 * not compressed.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import type { Scope } from "../../credentials/principal.ts";
import { Call } from "../call/call.ts";
import type { CallContext } from "../call/call-context.ts";
import type { CallEnvironment, CallKind } from "../call/call-environment.ts";
import { timeoutOf } from "../call/deadline.ts";
import type { Exchange } from "../exchange.ts";
import type { Turns } from "../guard/turns.ts";
import { serveStream } from "./serve-stream.ts";
import { serveUnary } from "./serve-unary.ts";
import { answerGrpcError } from "./status.ts";

/** A method, bytes in and bytes out. Answers have gRPC's prefix in front, and memory of their own. */
export type GrpcMethod = UnaryGrpcMethod | StreamGrpcMethod;

interface GrpcMethodBase {
  readonly method: DescMethod;
  /** What its callers need; undefined where they need none. */
  readonly scope: Scope | undefined;
}

export interface UnaryGrpcMethod extends GrpcMethodBase {
  readonly kind: "unary";
  readonly serve: (message: Buffer, call: CallContext) => Promise<Buffer>;
}

export interface StreamGrpcMethod extends GrpcMethodBase {
  readonly kind: "stream";
  /** @param stop aborts, with the error to end with, once no more messages are taken */
  readonly serve: (messages: AsyncIterable<Buffer>, call: CallContext, stop: AbortSignal) => AsyncIterable<Buffer>;
}

/** @returns what serves an exchange; or answers false, and leaves it as it was, if it is not for this handler */
export function createGrpcHandler(
  methods: readonly GrpcMethod[],
  environment: CallEnvironment,
  turns: Turns,
): (exchange: Exchange) => boolean {
  const byPath = new Map(
    methods.map((served) => {
      const kind = kindOf(served, environment);
      return [`/${kind.name}`, { served, kind }];
    }),
  );
  return (exchange) => {
    const known = byPath.get(exchange.path);
    if (known === undefined || !isPlain(exchange)) return false;
    const { served, kind } = known;
    const { timeoutMs, error } = timeoutOf(exchange.headers, "grpc");
    const call = new Call(exchange, kind, timeoutMs, environment);
    if (error !== undefined) call.fail(error);
    else serveOnceAdmitted(call, served, turns);
    return true;
  };
}

function kindOf({ method, scope, kind }: GrpcMethod, { arriving }: CallEnvironment): CallKind {
  return {
    method,
    name: `${method.parent.typeName}/${method.name}`,
    scope,
    protocol: "grpc",
    encoding: "binary",
    answerError: answerGrpcError,
    arriving: kind === "unary" ? arriving : undefined,
  };
}

function isPlain({ httpVersion, method, headers }: Exchange): boolean {
  if (httpVersion !== "2.0" || method !== "POST") return false;
  const type = headers["content-type"];
  if (type !== "application/grpc" && type !== "application/grpc+proto") return false;
  const encoding = headers["grpc-encoding"];
  return encoding === undefined || encoding === "identity";
}

/** The request's body is received once it is known who calls. */
function serveOnceAdmitted(call: Call, served: GrpcMethod, turns: Turns): void {
  const serve = () => {
    if (call.isEnded) return;
    if (served.kind === "unary") serveUnary(call, served, turns);
    else call.inTrace(() => serveStream(call, served, turns));
  };
  try {
    const admitted = call.isEnded ? undefined : call.environment.gate.admit(call);
    if (admitted === undefined) serve();
    else admitted.then(serve).catch((failure: unknown) => call.fail(failure));
  } catch (failure) {
    call.fail(failure);
  }
}
