/**
 * gRPC on Node's HTTP/2 streams, for calls in protobuf's binary encoding without compression: the most frequent ones.
 * Connect's adapter, which serves all others, spends several times as long on a call as its work takes. What callers see
 * is the same, but that answers are not compressed.
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { namesShownBy } from "../../credentials/peer.ts";
import { hasSeveralTokens, nobody, type Presented, type Principal } from "../../credentials/principal.ts";
import type { Report } from "../../telemetry/failure-log.ts";
import type { ObserveRequest } from "../../telemetry/requests.ts";
import type { CallContext } from "../call-context.ts";
import { codeName, maxTimerMs } from "../connect/request-end.ts";
import { type RaisedErrors, reasonOf, toConnectError } from "../errors.ts";
import type { OldestOut } from "../guard/eviction.ts";
import type { Gate } from "../guard/gate.ts";
import type { HeldBytes } from "../guard/memory-budget.ts";
import { type Turns, turnToDecode } from "../guard/turns.ts";
import { EnvelopeReader, messageIn } from "../messages/envelopes.ts";
import { readPieces } from "../request-body.ts";
import { GrpcCall } from "./call.ts";

/** Answers have gRPC's prefix in front, and memory of their own. */
export type GrpcMethod =
  | {
      readonly kind: "unary";
      readonly method: DescMethod;
      /**
       * Reads the request, and answers what serves it.
       *
       * @throws ConnectError for a message that cannot be read
       */
      readonly read: (message: Buffer) => (context: CallContext) => Promise<Buffer>;
    }
  | {
      readonly kind: "bidi";
      readonly method: DescMethod;
      readonly serve: (messages: AsyncIterable<Buffer>, context: CallContext) => AsyncIterable<Buffer>;
    };

export interface GrpcHandlerOptions {
  readonly methods: readonly GrpcMethod[];
  readonly gate: Gate;
  readonly held: HeldBytes;
  readonly turns: Turns;
  /** Unary calls until all of their request is there. */
  readonly arriving: OldestOut;
  /** How long nothing may move on a stream. */
  readonly stallTimeoutMs: number;
  /** Called for each call that is ended for that. */
  readonly onStalled: () => void;
  /** Ends what is still under way, with its reason. */
  readonly shutdown: AbortSignal;
  readonly errors: RaisedErrors;
  readonly observe: ObserveRequest;
  /** Called with a failure that nobody foresaw. */
  readonly report: Report;
}

/**
 * Serves a stream; or answers false, and leaves it as it was, if it is not for this handler.
 *
 * @param rawHeaders names and values in turn, as they came
 */
export type StreamHandler = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
) => boolean;

export function createGrpcHandler(options: GrpcHandlerOptions): StreamHandler {
  const { methods, gate, held, turns, arriving, shutdown, errors, observe, report } = options;
  const byPath = new Map(
    methods.map((method) => {
      const recheck = async (call: GrpcCall, presented: () => Presented) =>
        gate.recheck(method.method, presented, (failure) => call.report(failure));
      return [`/${nameOf(method)}`, { method, name: nameOf(method), recheck }];
    }),
  );
  const underWay = new Set<GrpcCall>();
  shutdown.addEventListener("abort", () => {
    for (const call of underWay) call.cutShort(shutdown.reason);
  });

  const serve = (served: Served, method: GrpcMethod, caller: Principal) => {
    const { call } = served;
    if (call.ended) return;
    call.caller = caller;
    if (method.kind === "unary") serveUnary(served, method, turns);
    else call.run(() => serveBidi(served, method, turns)).catch((failure: unknown) => breakOff(served, failure));
  };
  /** The request's body is read once its caller is known. */
  const admit = (served: Served, presented: () => Presented, method: GrpcMethod) => {
    try {
      const { call } = served;
      const report = (failure: unknown) => call.report(failure);
      const onCaller = (caller: Principal) => {
        call.caller = caller;
      };
      const caller = gate.admit(method.method, presented, report, onCaller);
      if (caller instanceof Promise) {
        caller
          .then(
            (admitted) => serve(served, method, admitted),
            (failure: unknown) => fail(served, failure),
          )
          .catch((failure: unknown) => breakOff(served, failure));
      } else serve(served, method, caller);
    } catch (failure) {
      fail(served, failure);
    }
  };

  return (stream, headers, rawHeaders) => {
    const known = byPath.get(headers[":path"] ?? "");
    if (known === undefined || headers[":method"] !== "POST" || !isPlain(headers)) return false;
    const { method, name, recheck } = known;
    const presented = () => presentedOn(stream, headers, rawHeaders);
    const { timeoutMs, error } = parseTimeout(headers["grpc-timeout"]?.toString() ?? null, Number.POSITIVE_INFINITY);
    const observed = observe({ method: name, protocol: "grpc", headers });
    const call = new GrpcCall(stream, {
      observed,
      report,
      timeoutMs: timeoutMs !== undefined && timeoutMs <= maxTimerMs ? timeoutMs : undefined,
      stallTimeoutMs: options.stallTimeoutMs,
      onStalled: options.onStalled,
      held,
      presented,
      recheck,
      restate: (failure) => errors.restate(failure, method.method),
      onEnd(ended, failure) {
        underWay.delete(ended);
        arriving.delete(ended);
        const name = ended.caller === nobody ? undefined : ended.caller.name;
        observed.end(codeName(failure), name, reasonOf(failure));
      },
    });
    if (call.ended) return true;
    underWay.add(call);
    if (method.kind === "unary") {
      arriving.add(call);
      stream.on("end", () => arriving.delete(call));
    }
    const served = { stream, call };
    if (call.ended) return true;
    if (error !== undefined) call.fail(error);
    else if (shutdown.aborted) call.fail(shutdown.reason);
    else admit(served, presented, method);
    return true;
  };
}

function presentedOn(
  { session }: ServerHttp2Stream,
  { authorization }: IncomingHttpHeaders,
  rawHeaders: readonly string[],
): Presented {
  const certificateNames = session === undefined ? undefined : namesShownBy(session.socket);
  return { authorization, hasSeveral: hasSeveralTokens(authorization, rawHeaders), certificateNames };
}

function nameOf({ method }: GrpcMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

function isPlain(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"];
  if (type !== "application/grpc" && type !== "application/grpc+proto") return false;
  const encoding = headers["grpc-encoding"];
  return encoding === undefined || encoding === "identity";
}

type Unary = Extract<GrpcMethod, { kind: "unary" }>;
type Bidi = Extract<GrpcMethod, { kind: "bidi" }>;

interface Served {
  readonly stream: ServerHttp2Stream;
  readonly call: GrpcCall;
}

function serveUnary(served: Served, { read }: Unary, turns: Turns): void {
  const { stream, call } = served;
  const envelopes = new EnvelopeReader("maxRequestBytes");
  let message: Buffer | undefined;
  const takeAll = () => {
    for (let next = envelopes.next(); next !== undefined; next = envelopes.next()) {
      if (message !== undefined) {
        throw new ConnectError("protocol error: received extra input message for unary method", Code.Unimplemented);
      }
      message = messageIn(next);
    }
  };
  stream.on("data", (piece: Buffer) => {
    if (call.ended) return;
    call.hold(piece.length);
    envelopes.add(piece);
    try {
      takeAll();
    } catch (error) {
      fail(served, error);
    }
  });
  stream.on("end", () => {
    if (call.ended) return;
    try {
      envelopes.end();
      if (message === undefined) {
        throw new ConnectError("protocol error: missing input message for unary method", Code.Unimplemented);
      }
      const whole = message;
      const turn = turnToDecode(turns, whole.length);
      if (turn === undefined) answerOnce(served, read, whole);
      else turn.then(() => answerOnce(served, read, whole)).catch((failure: unknown) => breakOff(served, failure));
    } catch (error) {
      fail(served, error);
    }
  });
}

/** Called once all of the request is there: V8 would keep what is decoded before that among the old objects, in imports too. */
function answerOnce(served: Served, read: Unary["read"], message: Buffer): void {
  const { call } = served;
  if (call.ended) return;
  try {
    const serve = read(message);
    call
      .run(() => serve(call))
      .then(
        (envelope) => call.answer(envelope),
        (failure: unknown) => fail(served, failure),
      )
      .catch((failure: unknown) => breakOff(served, failure));
  } catch (error) {
    fail(served, error);
  }
}

async function serveBidi(served: Served, { serve }: Bidi, turns: Turns): Promise<void> {
  const { stream, call } = served;
  try {
    for await (const envelope of serve(messagesOf(stream, call, turns), call)) {
      if (call.ended) return;
      await call.write(envelope);
    }
  } catch (failure) {
    fail(served, failure);
    return;
  }
  call.finish();
}

function fail(served: Served, failure: unknown): void {
  const { call } = served;
  if (call.ended) return;
  try {
    call.fail(toConnectError(failure, (inside) => call.report(inside)));
  } catch (error) {
    breakOff(served, error);
  }
}

/** For an answer that cannot be sent: its caller waits for an end. */
function breakOff({ stream, call }: Served, failure: unknown): void {
  call.report(failure);
  stream.close(constants.NGHTTP2_INTERNAL_ERROR);
}

async function* messagesOf(stream: ServerHttp2Stream, call: GrpcCall, turns: Turns): AsyncGenerator<Buffer> {
  const envelopes = new EnvelopeReader("maxRequestBytes");
  for await (const piece of readPieces(stream)) {
    call.hold(piece.length);
    envelopes.add(piece);
    for (let next = envelopes.next(); next !== undefined; next = envelopes.next()) {
      await turnToDecode(turns, next.length);
      call.hold(-next.length);
      yield messageIn(next);
    }
  }
  envelopes.end();
}
